// Which test files share a process. Half of what a small file costs is Node's start and the packages it loads, and most
// files keep to themselves: the files of a process run one after the other, each with its own clusters and on free ports. A
// file runs alone if its text says that it touches what all of a process share, or measures it: the process, a hook around
// all of its tests, what is set up before the first of them, real time, processes, threads.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const signsOfItsOwn = [
  // A seed or a number of runs from the environment is only read.
  /\bprocess\.(?!env\['\w+'\] \?\?)/,
  /^(before|beforeEach|afterEach)\(/m,
  /\b(performance\.now|setTimeout|setInterval)\b/,
  /'node:(https|http2|tls|dns|dgram|child_process|worker_threads)/,
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
