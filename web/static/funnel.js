// A dispute as it narrows: the batch's steps as a line, under it each interval that was left, down to one step.

import { s } from "./dom.js";
import { count, plural } from "./format.js";

const BAR = 22; // height of a level's bar, px
const WIDE = 760; // from here on the texts stand beside the levels, else above them
const GUTTER = 250;
const MARGIN = 46; // for the numbers at both ends of a bar

/** Inner boundaries of [lo, hi] in `parts` (docs/protocol.md, section 6). */
const boundaries = (lo, hi, parts) =>
  Array.from({ length: Math.max(0, parts - 1) }, (_, i) => lo + Math.floor(((hi - lo) * (i + 1)) / parts));

function checkpoints(steps, stride) {
  if (!stride || steps / stride > 2000) return [];
  return Array.from({ length: Math.max(0, Math.ceil(steps / stride) - 1) }, (_, j) => (j + 1) * stride);
}

/** The levels of a dispute. `moves`: of a game, none where a step was proved without one. `step`: the proved one, or null. */
export function levelsOf({ batch, steps: claimed, stride, moves, step }) {
  const steps = Math.max(1, claimed);
  const whole = { lo: 0, hi: steps, marks: checkpoints(steps, stride), next: null,
    title: batch === null ? "The batch" : `Batch ${count(batch)}`,
    detail: stride === 1 ? `${plural(steps, "step")}, each with a checkpoint` : stride ? `${plural(steps, "step")}, a checkpoint every ${count(stride)}` : plural(steps, "step") };
  const levels = [whole];
  const narrow = (lo, hi, title, detail) => {
    levels.at(-1).next = [lo, hi];
    levels.push({ lo, hi, marks: [], next: null, title, detail });
  };
  let round = 0;
  for (const move of moves) {
    const level = levels.at(-1);
    if (move.kind === "open" && (move.lo > level.lo || move.hi < level.hi)) {
      narrow(move.lo, move.hi, "Challenged", `the end of ${span(move.lo, move.hi)} is wrong`);
    } else if (move.kind === "split" && move.lo === level.lo && move.hi === level.hi) {
      level.marks = boundaries(move.lo, move.hi, move.commitments.length + 1);
      level.published = true;
    } else if (move.kind === "pick") {
      round += 1;
      const segments = level.marks.length + 1;
      const segment = [level.lo, ...level.marks].indexOf(move.lo) + 1;
      narrow(move.lo, move.hi, `Round ${round}`, `split in ${count(segments)}, part ${count(segment)} picked`);
    }
  }
  if (step !== null && levels.at(-1).hi - levels.at(-1).lo > 1) narrow(step, step + 1, "Proved at once", "between two checkpoints: no game");
  const last = levels.at(-1);
  if (last.hi - last.lo === 1 && levels.length > 1) last.single = true;
  return levels;
}

export const span = (lo, hi) => (hi - lo === 1 ? `step ${count(lo)}` : `steps ${count(lo)} to ${count(hi)}`);

/** Lengths of the intervals that may still come, if each is the longest. */
function toCome(level, arity) {
  const lengths = [];
  for (let left = level.hi - level.lo; left > 1; ) {
    left = Math.ceil(left / Math.min(arity, left));
    lengths.push(left);
  }
  return lengths;
}

/** The SVG, `width` px wide. `open`: the game goes on, and `arity` says how many levels are to come at most. */
export function funnel(levels, { width, open = false, arity = 2, ends = false }) {
  const wide = width >= WIDE;
  const left = wide ? GUTTER : 0;
  const ghosts = open ? toCome(levels.at(-1), arity) : [];
  const total = levels.length + ghosts.length;
  const gap = wide ? (total > 9 ? 38 : 54) : 62;
  const full = width - left - 2 * MARGIN;
  const centre = left + (width - left) / 2;
  const widthOf = (i) => Math.max(58, full * (1 - (0.84 * i) / Math.max(1, total - 1)));
  const top = (i) => (wide ? 12 : 48) + i * (BAR + gap);
  const height = top(total - 1) + BAR + (ends ? 44 : 14);
  const xOf = (level, i) => (step) => centre - widthOf(i) / 2 + ((step - level.lo) / (level.hi - level.lo)) * widthOf(i);

  const shapes = [];
  levels.forEach((level, i) => {
    if (level.next) shapes.push(throat(level, xOf(level, i), top(i) + BAR, centre, widthOf(i + 1), top(i + 1), i));
  });
  levels.forEach((level, i) => shapes.push(bar(level, xOf(level, i), widthOf(i), top(i), open && i === levels.length - 1)));
  ghosts.forEach((_, at) => {
    const i = levels.length + at;
    shapes.push(s("rect", { class: "ghost", x: centre - widthOf(i) / 2, y: top(i), width: widthOf(i), height: BAR, rx: 5 }));
  });
  if (ends) shapes.push(s("path", { class: "fall", d: `M${centre},${top(total - 1) + BAR + 2} V${height - 8} m-6,-7 l6,7 l6,-7` }));
  levels.forEach((level, i) => shapes.push(texts(level, wide, centre, top(i))));
  if (ghosts.length) {
    const what = ghosts.length === 1 ? "one round more" : `up to ${ghosts.length} rounds more`;
    shapes.push(texts({ title: "To come", detail: `${what}, to a single step` }, wide, centre, top(levels.length)));
  }
  return s("svg", { class: "funnel", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": inWords(levels, open) }, pattern(), shapes);
}

function throat(level, x, y, centre, width, end, i) {
  const [a, b] = level.next.map(x);
  const [c, d] = [centre - width / 2, centre + width / 2];
  const middle = (y + end) / 2;
  return s("path", { class: "throat", "data-key": `throat-${i}`,
    d: `M${a},${y} C${a},${middle} ${c},${middle} ${c},${end} L${d},${end} C${d},${middle} ${b},${middle} ${b},${y} Z` });
}

function bar(level, x, width, y, live) {
  const [from, to] = level.next ?? [level.lo, level.hi];
  const part = (kind, lo, hi) =>
    hi > lo ? s("rect", { class: kind, x: x(lo), y, width: Math.max(1.5, x(hi) - x(lo)), height: BAR }) : null;
  const apart = width / (level.hi - level.lo);
  const ticks = apart >= 4 ? Array.from({ length: level.hi - level.lo - 1 }, (_, i) => level.lo + i + 1) : [];
  const marked = level.marks.length && width / level.marks.length >= 3 ? level.marks : [];
  return s("g", { class: live ? "level live" : "level" },
    part("agreed", level.lo, from), part("after", to, level.hi), part(level.single ? "one" : "disputed", from, to),
    ticks.map((step) => s("line", { class: "tick", x1: x(step), x2: x(step), y1: y, y2: y + BAR })),
    marked.map((step) => s("line", { class: level.published ? "mark published" : "mark", x1: x(step), x2: x(step), y1: y - 4, y2: y + BAR + 4 })),
    s("text", { class: "end", x: x(level.lo) - 8, y: y + BAR / 2 + 4, "text-anchor": "end" }, count(level.lo)),
    s("text", { class: "end", x: x(level.hi) + 8, y: y + BAR / 2 + 4 }, count(level.hi)));
}

function texts(level, wide, centre, y) {
  const at = wide ? { x: 0 } : { x: centre, "text-anchor": "middle" };
  return s("g", { class: "texts" },
    s("text", { class: "name", y: wide ? y + 9 : y - 26, ...at }, level.title),
    s("text", { class: "detail", y: wide ? y + 26 : y - 10, ...at }, level.detail));
}

/** Hatching, so that what follows from the disputed part is told apart without colour. */
function pattern() {
  return s("defs", null, s("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("rect", { class: "hatch-ground", width: 6, height: 6 }), s("line", { class: "hatch-line", x1: 0, y1: 0, x2: 0, y2: 6 })));
}

function inWords(levels, open) {
  const [first, ...others] = levels;
  const narrowed = others.map((level) => span(level.lo, level.hi));
  return `${first.title}, ${plural(first.hi, "step")}${narrowed.length ? `; narrowed to ${narrowed.join(", then ")}` : ""}${open ? "; it goes on" : ""}`;
}

/** Three levels at most, for a card: the batch, the interval that was challenged, and where the game is. */
export function sketch(game, steps, stride) {
  const W = 300;
  const lo = stride ? game.lo - (game.lo % stride) : 0;
  const hi = stride ? Math.min(lo + stride, steps) : steps;
  const ranges = [[0, steps], [lo, hi], [game.lo, game.hi]].filter(([a, b], i, all) => i === 0 || a !== all[i - 1][0] || b !== all[i - 1][1]);
  const shapes = [];
  ranges.forEach(([a, b], i) => {
    const width = W * [1, 0.6, 0.26][i];
    const x = (step) => W / 2 - width / 2 + ((step - a) / (b - a)) * width;
    const y = 1 + i * 26;
    const next = ranges[i + 1];
    if (next) {
      const below = W * [1, 0.6, 0.26][i + 1];
      const [c, d] = [W / 2 - below / 2, W / 2 + below / 2];
      const [e, f] = next.map(x);
      shapes.push(s("path", { class: "throat", d: `M${e},${y + 9} C${e},${y + 18} ${c},${y + 18} ${c},${y + 26} L${d},${y + 26} C${d},${y + 18} ${f},${y + 18} ${f},${y + 9} Z` }));
    }
    const [p, q] = next ?? [a, b];
    shapes.push(s("rect", { class: "agreed", x: x(a), y, width: Math.max(0, x(p) - x(a)), height: 9 }),
      s("rect", { class: "after", x: x(q), y, width: Math.max(0, x(b) - x(q)), height: 9 }),
      s("rect", { class: b - a === 1 && i > 0 ? "one" : "disputed", x: x(p), y, width: Math.max(1.5, x(q) - x(p)), height: 9 }));
  });
  return s("svg", { class: "sketch", viewBox: `0 0 ${W} ${ranges.length * 26 - 14}`, role: "img", "aria-label": `of ${plural(steps, "step")}: ${span(game.lo, game.hi)}` }, shapes);
}
