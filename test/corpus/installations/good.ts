/** Installations in which nothing is wrong, for faults to be planted in: each text a person could have written. */

export const goodHttpd = `ServerName www.xyz.com
<VirtualHost *:443>
    ServerName app.xyz.com
    SSLEngine on
    <Proxy balancer://nodes>
        BalancerMember http://10.0.0.1:3000 route=node1 timeout=15 connectiontimeout=2 retry=5 ttl=4 upgrade=websocket hcmethod=GET hcuri=/readyz
        BalancerMember http://10.0.0.2:3000 route=node2 timeout=15 connectiontimeout=2 retry=5 ttl=4 upgrade=websocket hcmethod=GET hcuri=/readyz
        ProxySet stickysession=STICKY_ROUTE
    </Proxy>
    ProxyPass /balancer-manager !
    <Location /balancer-manager>
        SetHandler balancer-manager
        Require ip 127.0.0.1
    </Location>
    ProxyPass /static !
    ProxyPass / balancer://nodes/
    ProxyPreserveHost On
    RequestHeader set X-Forwarded-Proto https
</VirtualHost>
`;

export const goodAjp = `<VirtualHost *:80>
    ServerName app.xyz.com
    <Proxy balancer://nodes>
        BalancerMember ajp://10.0.0.1:8009 route=node1 secret=chosen timeout=15 connectiontimeout=2 retry=5 ping=1
        BalancerMember ajp://10.0.0.2:8009 route=node2 secret=chosen timeout=15 connectiontimeout=2 retry=5 ping=1
    </Proxy>
    ProxyPass / balancer://nodes/ stickysession=JSESSIONID|jsessionid scolonpathdelim=On
</VirtualHost>
`;

export const goodWorkers = `worker.list=lb,status
worker.template.type=ajp13
worker.template.secret=chosen
worker.template.ping_mode=A
worker.template.reply_timeout=15000
worker.template.socket_connect_timeout=2000
worker.template.recovery_options=3
worker.node1.reference=worker.template
worker.node1.host=10.0.0.1
worker.node1.port=8009
worker.node2.reference=worker.template
worker.node2.host=10.0.0.2
worker.node2.port=8009
worker.lb.type=lb
worker.lb.balance_workers=node1,node2
worker.lb.sticky_session=1
worker.lb.recover_time=5
worker.status.type=status
`;

export const goodJk = `JkWorkersFile workers.properties
JkShmFile logs/jk.shm
JkMountFile uriworkermap.properties
<Location /jkstatus>
    JkMount status
    Require local
</Location>
`;

export const goodMap = `/shop|/*=lb
!/shop/static/*=lb
`;

export const goodNginx = `map $cookie_STICKY_ROUTE $node {
    default any;
    "~\\\\.node1$" node1;
}
upstream node1 { server 10.0.0.1:3000; server 10.0.0.2:3000 backup; }
upstream any { server 10.0.0.1:3000; server 10.0.0.2:3000; }
server {
    listen 443 ssl;
    location / {
        proxy_pass http://$node;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 2s;
    }
}
`;

export const goodHaproxy = `defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 15s
frontend web
    bind :80
    default_backend nodes
backend nodes
    option httpchk GET /readyz
    option redispatch
    use-server node1 if { req.cook(STICKY_ROUTE),field(2,.) -m str node1 }
    server node1 10.0.0.1:3000 check
    server node2 10.0.0.2:3000 check
`;
