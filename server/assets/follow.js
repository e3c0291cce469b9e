// Follows what changes by itself: a pending receipt until it is complete, and nodes that are being started
// until one answers. Without it the pages are the same, with a link to look again.
const everyMs = 1_000;
const receipt = document.getElementById('receipt');
const absent = document.getElementById('absent');
let known;

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: 'application/json' } });
    const text = await answer.text();
    if (answer.ok && text !== known && (known !== undefined || JSON.parse(text).state !== 'pending')) await show();
    if (answer.ok) known = text;
  } catch {
    // This node does not answer: it may again, and the page names others.
  }
  if (receipt.dataset.state === 'pending') setTimeout(look, everyMs);
}

/** The words are the server's: its page as it is now. */
async function show() {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.getElementById('receipt');
  if (fresh === null) return;
  receipt.replaceChildren(...fresh.childNodes);
  receipt.dataset.state = fresh.dataset.state;
}

async function goOn() {
  try {
    if ((await fetch('/', { method: 'HEAD' })).ok) return location.assign('/');
  } catch {
    // Nobody listens yet.
  }
  setTimeout(goOn, everyMs);
}

if (receipt?.dataset.state === 'pending') setTimeout(look, everyMs);
if (absent !== null) setTimeout(goOn, everyMs);
