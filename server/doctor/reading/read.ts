/**
 * `latchkey doctor --config FILE`: what is wrong in a balancer's configuration, and where a request would go.
 * It reads text and starts nothing; what it says about routing is what httpd 2.4 and mod_jk 1.2.48 do.
 */

import { basename, dirname, isAbsolute, join } from 'node:path';
import { UsageError } from '../../usage.ts';
import type { Finding } from '../finding.ts';
import { runChecks } from './check.ts';
import { exists, textOf } from './files.ts';
import { modelOf } from './httpd/build.ts';
import { httpdChecks } from './httpd/checks.ts';
import { journeyThroughHttpd, nameOf } from './httpd/journey.ts';
import type { HttpdModel, HttpdServer } from './httpd/model.ts';
import { readHttpd } from './httpd/text.ts';
import { type Asked, type Journey, partsOf } from './journey.ts';
import { jkChecks } from './mod-jk/checks.ts';
import { journeyThroughJk, journeyWithoutMounts } from './mod-jk/journey.ts';
import type { JkModel, JkServer } from './mod-jk/model.ts';
import { type MountRule, rulesOf, rulesOfMap } from './mod-jk/mounts.ts';
import { type Properties, propertiesOf, propertiesOfLines } from './mod-jk/properties.ts';
import { workersOf } from './mod-jk/workers.ts';
import { haproxyChecks, haproxyModel } from './other/haproxy.ts';
import { nginxChecks, nginxModel } from './other/nginx.ts';
import { routeFindings } from './routes.ts';

export type ConfigurationKind = 'httpd' | 'mod_jk' | 'haproxy' | 'nginx';

export interface ConfigurationReading {
  readonly kind: ConfigurationKind;
  /** One for each check that applies; several where it finds several faults. */
  readonly findings: readonly Finding[];
  /** Undefined: nobody asked, or it is a balancer whose routing is not known here (HAProxy, nginx). */
  readonly journey?: Journey;
}

export interface ReadingQuestion extends Asked {
  /** The routes that the nodes have, if they were asked: each must be one of the balancer's. */
  readonly routes?: readonly string[];
}

/**
 * @param file of httpd, of mod_jk (workers.properties or uriworkermap.properties), HAProxy or nginx
 * @throws UsageError it cannot be read, or is none of these
 */
export function readConfiguration(file: string, asked: ReadingQuestion = {}): ConfigurationReading {
  const text = textOf(file);
  if (text === undefined) throw new UsageError(`${file}: there is no such file, or it may not be read`);
  const kind = kindOf(text, file);
  if (kind === 'nginx') return { kind, findings: judged(runChecks(nginxChecks, nginxModel(text, file)), file) };
  if (kind === 'haproxy') return { kind, findings: runChecks(haproxyChecks, haproxyModel(text, file)) };
  if (kind === 'mod_jk') return readWorkers(text, file, asked);
  const reading = readServer(text, file, asked);
  judged(reading.findings, file);
  return reading;
}

/** A file to which no check applies (nginx.conf that only includes others, a Caddyfile) is not a file in which nothing is wrong. */
function judged(findings: readonly Finding[], file: string): readonly Finding[] {
  if (findings.length > 0) return findings;
  throw new UsageError(
    `${file}: nothing in it is known to the doctor: of nginx name the file that has the upstreams and proxy_pass (what a file includes is not read); Caddy's are not read`,
  );
}

/** By what it says; its name does not count. */
function kindOf(text: string, file: string): ConfigurationKind {
  const body = text.replace(/^[ \t]*#.*$/gm, '');
  if (/^[ \t]*workers?\.[\w.-]+[ \t]*=/m.test(body) || /^[ \t]*[-!]*\/[^\s=]*[ \t]*=[ \t]*\S/m.test(body))
    return 'mod_jk';
  if (
    /^(?:global|defaults|frontend|backend|listen)\b/m.test(body) &&
    /^[ \t]+(?:server|bind|mode|timeout)\s/m.test(body)
  )
    return 'haproxy';
  if (/^[ \t]*(?:upstream|server|http|location|map)(?:[ \t][^\n]*)?\{/m.test(body)) return 'nginx';
  if (/^[ \t]*(?:<\/?[A-Z]\w+|(?:Proxy|Jk|Rewrite|Balancer|Load|Server|Include|Listen|Header)\w*\s)/im.test(body))
    return 'httpd';
  throw new UsageError(`${file}: is neither of httpd, nor of mod_jk, HAProxy or nginx`);
}

function readServer(text: string, file: string, asked: ReadingQuestion): ConfigurationReading {
  const read = readHttpd(text, file);
  const model = modelOf(read);
  const jk = jkOf(model, file);
  const findings = [
    ...read.findings,
    ...runChecks(httpdChecks, model),
    ...(jk === undefined ? unreadWorkers(model) : runChecks(jkChecks, jk)),
    ...routeFindings(asked.routes, [...model.servers.flatMap(routesOfHttpd), ...routesOfJk(jk)]),
  ];
  const kind = jk === undefined ? 'httpd' : 'mod_jk';
  if (asked.cookie === undefined && asked.url === undefined) return { kind, findings };
  const journey = journeyThroughHttpd(asked, model, (server, path) =>
    jk === undefined ? undefined : journeyThroughJk(asked, path, jk.servers[model.servers.indexOf(server)]!, jk),
  );
  return { kind, findings, journey };
}

/** The parts that lie beside it are read as well: mod-jk.conf, uriworkermap.properties. */
function readWorkers(text: string, file: string, asked: ReadingQuestion): ConfigurationReading {
  const isMap = !/^[ \t]*workers?\.[\w.-]+[ \t]*=/m.test(text);
  const beside = (...names: string[]) => names.map((name) => join(dirname(file), name)).find((path) => exists(path));
  const workersFile = isMap ? beside('workers.properties') : file;
  const workersText = workersFile === undefined ? undefined : textOf(workersFile);
  if (workersFile === undefined || workersText === undefined)
    throw new UsageError(
      `${file}: the workers are missing; put workers.properties beside it, or name httpd's configuration`,
    );
  const conf = beside('mod-jk.conf', 'mod_jk.conf', 'httpd-jk.conf', 'jk.conf');
  const confText = conf === undefined ? undefined : textOf(conf);
  if (conf !== undefined && confText !== undefined && isWorkersOf(confText, workersFile))
    return readServer(confText, conf, asked);
  // Other names are other installations, which may have nothing to do with that map.
  const map = isMap ? file : basename(file) === 'workers.properties' ? beside('uriworkermap.properties') : undefined;
  const rules = map === undefined ? [] : rulesOfMap(propertiesOf(textOf(map) ?? '', map));
  const jk: JkModel = {
    workers: workersOf(propertiesOf(workersText, workersFile)),
    file: workersFile,
    httpd: undefined,
    servers: rules.length === 0 ? [] : [{ name: basename(map!), place: undefined, rules }],
  };
  const findings = [...runChecks(jkChecks, jk), ...routeFindings(asked.routes, routesOfJk(jk))];
  if (asked.cookie === undefined && asked.url === undefined) return { kind: 'mod_jk', findings };
  const server = jk.servers[0];
  const { path } = partsOf(asked.url ?? '/');
  const journey =
    server === undefined
      ? journeyWithoutMounts(asked, jk)
      : (journeyThroughJk(asked, path, server, jk) ?? {
          asked: path,
          steps: ['No rule takes it.'],
          to: 'httpd itself',
        });
  return { kind: 'mod_jk', findings, journey };
}

function isWorkersOf(conf: string, workersFile: string): boolean {
  const named = /^[ \t]*JkWorkersFile\s+"?([^"\s]+)/im.exec(conf)?.[1];
  return named !== undefined && basename(named) === basename(workersFile);
}

function routesOfHttpd({ balancers }: HttpdServer): readonly string[] {
  return balancers.flatMap(({ members }) => members.flatMap((one) => one.parameters.get('route')?.value ?? []));
}

function routesOfJk(jk: JkModel | undefined): readonly string[] {
  return jk?.workers.balancers.flatMap(({ members }) => members.map((one) => one.route)) ?? [];
}

/** Undefined: mod_jk is not used, or its workers could not be read. */
function jkOf(model: HttpdModel, file: string): JkModel | undefined {
  const named = model.main.setting('jkworkersfile')?.words[0];
  const workersFile = named === undefined ? undefined : found(named, model, file);
  const properties =
    workersFile === undefined ? workerProperties(model) : propertiesOf(textOf(workersFile) ?? '', workersFile);
  if (properties === undefined) return undefined;
  const main = serverOf(model.main, model.main, model, file, []);
  return {
    workers: workersOf(properties),
    file: workersFile ?? file,
    httpd: model,
    servers: model.servers.map((server) =>
      server === model.main ? main : serverOf(server, model.main, model, file, main.rules),
    ),
  };
}

/** JkWorkerProperty: the same lines, in httpd's own file. Undefined: there are none. */
function workerProperties({ main }: HttpdModel): Properties | undefined {
  const lines = main.directives.filter(({ name }) => name === 'jkworkerproperty');
  return lines.length === 0 ? undefined : propertiesOfLines(lines);
}

/** Those of the main server count in a virtual host only if JkMountCopy says so. */
function serverOf(
  server: HttpdServer,
  main: HttpdServer,
  model: HttpdModel,
  file: string,
  copied: readonly MountRule[],
): JkServer {
  const own = server.mounts.flatMap((one) => rulesOf(one.path, one.worker, one.isUnmount, 'JkMount', one.place));
  const mapName = server.directives.findLast(({ name }) => name === 'jkmountfile')?.words[0];
  const map = mapName === undefined ? undefined : found(mapName, model, file);
  const mapped = map === undefined ? [] : rulesOfMap(propertiesOf(textOf(map) ?? '', map));
  const isCopied = server !== main && copiesMounts(server, main);
  return { name: nameOf(server), place: server.place, rules: [...own, ...mapped, ...(isCopied ? copied : [])] };
}

function copiesMounts(server: HttpdServer, main: HttpdServer): boolean {
  const said = server.directives.findLast(({ name }) => name === 'jkmountcopy')?.words[0]?.toLowerCase();
  if (said !== undefined) return said !== 'off';
  return main.directives.some(({ name, words }) => name === 'jkmountcopy' && words[0]?.toLowerCase() === 'all');
}

/** Where httpd would look, or, of a copy, beside the configuration. */
function found(path: string, { main }: HttpdModel, file: string): string | undefined {
  const root = main.setting('serverroot')?.words[0];
  const places = isAbsolute(path)
    ? [path, join(dirname(file), basename(path))]
    : [
        root === undefined ? undefined : join(root, path),
        join(dirname(file), path),
        join(dirname(file), basename(path)),
      ];
  return places.find((one) => one !== undefined && exists(one));
}

function unreadWorkers({ main }: HttpdModel): readonly Finding[] {
  const named = main.setting('jkworkersfile');
  if (named === undefined) return [];
  return [
    {
      check: 'include-unread',
      ok: 'unknown',
      says: `${named.words[0]} is not here, so the workers of mod_jk were not read.`,
      remedy: 'Run the doctor where httpd runs, or put the file beside.',
      where: `${named.place.file}:${named.place.line}`,
    },
  ];
}
