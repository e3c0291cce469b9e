// Which test files share a process. Half of what a small file costs is Node's start and the packages it loads, and most
// files keep to themselves: the files of a process run one after the other, each with its own clusters and on free ports. A
// file runs alone if its text says that it touches what all of a process share, or measures it: the process, a hook around
// all of its tests, what is set up before the first of them, real time, processes, threads.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

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

/** The rooms whose files take longest. They come first: what is begun last is what everything waits for in the end. */
const longest = ['simulation', 'stories', 'slow-clients', 'lifecycle'];

/**
 * What to run in `folder`, where these files were compiled to: for each process a script that imports its files. Node runs
 * scripts in the order of their names, so these begin with a number.
 */
export function together(files, folder) {
  const alone = [];
  const groups = new Map();
  for (const file of longestFirst(files)) {
    const script = file.replace(/\.ts$/, '.js');
    if (signsOfItsOwn.some((sign) => sign.test(readFileSync(file, 'utf8')))) {
      alone.push({ name: nameOf(file.replace(/\.test\.ts$/, '')), scripts: [script] });
      continue;
    }
    const room = nameOf(dirname(file).split(sep).slice(0, 2).join(sep));
    const ofRoom = groups.get(room) ?? [];
    groups.set(room, ofRoom);
    if (ofRoom.length === 0 || ofRoom.at(-1).scripts.length === atMost)
      ofRoom.push({ name: `${room}-${ofRoom.length + 1}`, scripts: [] });
    ofRoom.at(-1).scripts.push(script);
  }
  const runs = mixed([...groups.values()].flat(), alone);
  return runs.map(({ name, scripts }, index) => {
    const path = join(folder, `${String(index + 1).padStart(3, '0')}-${name}.js`);
    writeFileSync(path, scripts.map((script) => `import './${script.split(sep).join('/')}';\n`).join(''));
    return path;
  });
}

function longestFirst(files) {
  const rank = (file) => {
    const place = longest.indexOf(file.split(sep)[1]);
    return place === -1 ? longest.length : place;
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}

/** Both lists in their order, each spread over the whole: files that share a process compute, and those that run alone wait. */
function mixed(...lists) {
  return lists
    .flatMap((list) => list.map((run, index) => ({ run, place: (index + 0.5) / list.length })))
    .sort((a, b) => a.place - b.place)
    .map(({ run }) => run);
}

const nameOf = (path) => path.split(sep).join('-');
