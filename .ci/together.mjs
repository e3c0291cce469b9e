// Which test files share a process. Half of what a small file costs is Node's start and the packages it loads, and most
// files touch nothing but memory of their own. A file runs alone if its text says that it touches what all of a process
// share, or measures it: the process, a hook for all of its tests, real time, sockets, processes, threads.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const signsOfItsOwn = [
  /\bprocess\./,
  /^(before|after|beforeEach|afterEach)\(/m,
  /\b(performance\.now|setTimeout|setInterval|setImmediate|Date\.now)\b/,
  /'node:(http|https|http2|net|tls|dns|dgram|child_process|worker_threads)/,
  /\b(globalThis|mock)\b/,
  /^(const .*= )?await /m,
];

/** So many files at most in one: a process that is over soon leaves its place to the next. */
const atMost = 8;

/** What to run in `folder`, where these files were compiled to: those that run alone, and a file for each group, which imports it. */
export function together(files, folder) {
  const runs = [];
  const groups = new Map();
  for (const file of files) {
    const script = join(folder, file.replace(/\.ts$/, '.js'));
    const text = readFileSync(file, 'utf8');
    if (signsOfItsOwn.some((sign) => sign.test(text))) {
      runs.push(script);
      continue;
    }
    const room = dirname(file).split(sep).slice(0, 2).join('-');
    const ofRoom = groups.get(room) ?? [];
    groups.set(room, ofRoom);
    if (ofRoom.length % atMost === 0) runs.push(groupFile(room, ofRoom.length / atMost));
    ofRoom.push(script);
  }
  for (const [room, scripts] of groups) {
    for (let at = 0; at < scripts.length; at += atMost) {
      const imports = scripts.slice(at, at + atMost).map((script) => {
        const path = relative(folder, script).split(sep).join('/');
        return `import './${path}';\n`;
      });
      writeFileSync(groupFile(room, at / atMost), imports.join(''));
    }
  }
  return runs;

  function groupFile(room, index) {
    return join(folder, `${room}-${index + 1}.js`);
  }
}
