/** Names of cookies that balancers are told to look at, as applications really write them: case counts everywhere. */

const known = ['JSESSIONID', 'PHPSESSID', 'ASP.NET_SessionId', 'connect.sid', 'STICKY_ROUTE', 'ROUTEID', 'BALANCEID'];

/** How it is spelt, if only the case differs; undefined: it is right, or unknown here. */
export function spelling(name: string): string | undefined {
  const found = known.find((one) => one.toLowerCase() === name.toLowerCase());
  return found === name ? undefined : found;
}

/** Express's own: `s:<id>.<signature>`, so that what follows the first dot is never a route. */
export function isSigned(name: string): boolean {
  return name.toLowerCase() === 'connect.sid';
}
