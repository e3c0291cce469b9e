/** Texts of which there are few different ones and very many copies, such as names of lives: each is kept once. */

const textsAtMost = 1_024;

/** Gives for each text one string that serves all its copies. What it remembers is bounded: who is forgotten is only kept anew. */
export function keptOnce(): (text: string) => string {
  const texts = new Map<string, string>();
  return (text) => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (texts.size >= textsAtMost) texts.clear();
    texts.set(text, text);
    return text;
  };
}
