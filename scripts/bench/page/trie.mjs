// The catalogue as a tree of codes and the beam search over it, as engine/search has them: nodes are
// numbered breadth first, children sorted by token; of equal scores the lower number is better.

/** @typedef {{number: number, tokens: number[], children: Node[], items: number[], count: number}} Node */

export class Trie {
  /**
   * @param {number[][]} codes token ids of each item
   * @param {number[]} popularity of each item
   */
  constructor(codes, popularity) {
    this.codes = codes;
    this.root = makeNode();
    codes.forEach((code, item) => {
      this.path(code, (node, token) => {
        const place = node.tokens.indexOf(token);
        if (place >= 0) return node.children[place];
        node.tokens.push(token);
        node.children.push(makeNode());
        return node.children.at(-1);
      })
        .at(-1)
        .items.push(item);
    });
    this.#finish(popularity);
  }

  /** The nodes below the root that a code passes. */
  path(code, step = (node, token) => node.children[node.tokens.indexOf(token)]) {
    const nodes = [];
    let node = this.root;
    for (const token of code) nodes.push((node = step(node, token)));
    return nodes;
  }

  #finish(popularity) {
    let level = [this.root];
    for (let number = 0; level.length > 0; level = level.flatMap(({ children }) => children)) {
      for (const node of level) {
        node.number = number++;
        const order = node.tokens.map((_, i) => i).sort((a, b) => node.tokens[a] - node.tokens[b]);
        [node.tokens, node.children] = [node.tokens, node.children].map((x) =>
          order.map((i) => x[i]),
        );
        node.items.sort((a, b) => popularity[b] - popularity[a] || a - b);
      }
    }
    count(this.root);
  }
}

function makeNode() {
  return { number: 0, tokens: [], children: [], items: [], count: 0 };
}

function count(node) {
  node.count = node.items.length;
  for (const child of node.children) node.count += count(child);
  return node.count;
}

/**
 * @param {Trie} trie
 * @param {{limit: number, width: number, exclude: number[]}} options
 * @param {Float32Array} logits after the prompt [vocabulary]
 * @param {(parents: number[], tokens: number[]) => Promise<Float32Array>} advance gives the logits
 *   [beams, vocabulary] after one more token of each beam
 * @returns {Promise<{items: number[], scores: number[]}>}
 */
export async function beamSearch(trie, { limit, width, exclude }, logits, advance) {
  const barred = new Set(exclude);
  const closed = barredCounts(trie, barred);
  const leadsOn = (node) => node.count > (closed.get(node) ?? 0);
  const finished = [];
  let beams = [{ node: trie.root, score: 0 }];
  for (;;) {
    const candidates = expand(beams, logits, leadsOn).sort(better).slice(0, width);
    finished.push(...candidates.filter(({ node }) => node.items.length > 0));
    beams = candidates.filter(({ node }) => node.children.some(leadsOn));
    if (beams.length === 0) break;
    logits = await advance(
      beams.map(({ parent }) => parent),
      beams.map(({ token }) => token),
    );
  }
  const ranked = finished
    .sort(better)
    .flatMap(({ node, score }) => node.items.map((item) => ({ item, score })))
    .filter(({ item }) => !barred.has(item))
    .slice(0, limit);
  return { items: ranked.map(({ item }) => item), scores: ranked.map(({ score }) => score) };
}

/** How many of the items below each node are barred, where any are. */
function barredCounts(trie, barred) {
  const counts = new Map();
  for (const item of barred) {
    for (const node of trie.path(trie.codes[item])) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

/** The scores are over all children; only then are those left out that lead nowhere. */
function expand(beams, logits, leadsOn) {
  const candidates = [];
  const vocabulary = logits.length / beams.length;
  beams.forEach(({ node, score }, parent) => {
    const row = parent * vocabulary;
    let largest = -Infinity;
    for (const token of node.tokens) largest = Math.max(largest, logits[row + token]);
    let sum = 0;
    for (const token of node.tokens) sum += Math.exp(logits[row + token] - largest);
    const base = score - largest - Math.log(sum);
    node.tokens.forEach((token, i) => {
      const child = node.children[i];
      if (leadsOn(child)) {
        candidates.push({ node: child, score: base + logits[row + token], parent, token });
      }
    });
  });
  return candidates;
}

function better(a, b) {
  return b.score - a.score || a.node.number - b.node.number;
}
