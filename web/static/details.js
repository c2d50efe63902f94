// One thing in full: a dispute, an assertion or a batch.

import { h } from "./dom.js";
import { count, duration, ether, plural, short } from "./format.js";
import { funnel, levelsOf, span } from "./funnel.js";
import { deathCard, forecastChip, inOneSentence, verdict } from "./judge.js";
import { blobCells, clocks, gameCard } from "./lists.js";
import { NOBODY, chip, drain, empty, facts, hash, party, section, when } from "./parts.js";

function page(trail, title, chips, ...content) {
  return h("div", { class: "page" },
    h("nav", { class: "trail", "aria-label": "where you are" }, h("a", { href: "#/" }, "Rollup"), trail.map((each) => [h("span", { "aria-hidden": "true" }, "›"), each])),
    h("div", { class: "title" }, h("h1", { tabindex: "-1" }, title), chips), content);
}

const missing = (what, id) =>
  page([], `No such ${what}`, null, h("div", { class: "panel" }, empty(`L1 knows of no ${what} ${short(id)}.`, "An L1 reorg may have taken it away, or the link is of another rollup.")));

const loading = (what, failure) => page([], what, null, h("div", { class: "panel" }, failure ? empty("It can't be read now.", failure) : empty("Reading it from L1 …", "A moment.")));

const assertionLink = (id) => h("a", { class: "hash", href: `#/assertions/${id}`, title: id }, short(id));
const batchLink = (index) => (index === null ? "unknown" : h("a", { href: `#/batches/${index}` }, `batch ${count(index)}`));

/** `found`: the game's resource; `about`: its assertion's. */
export function gamePage(id, found, about, { overview, now, roles, width }) {
  if (found.missing) return missing("dispute", id);
  const game = found.data;
  if (game === null) return loading("Dispute", found.failure);
  const assertion = about.data;
  const open = game.status === "open";
  const steps = assertion?.steps ?? Math.max(game.hi, ...game.moves.map((move) => move.hi));
  const levels = levelsOf({ batch: game.batch, steps, stride: overview.rules.stride, moves: game.moves, step: game.proof?.step ?? null });
  if (open) levels.at(-1).detail = { split: `the asserter has to split ${span(game.lo, game.hi)}`, pick: "the challenger has to pick a part", prove: "the challenger has to prove it" }[game.stage] ?? "";
  const title = game.batch === null ? "A dispute" : `The dispute over batch ${count(game.batch)}`;
  return page([batchLink(game.batch), assertionLink(game.assertion), h("span", null, `dispute ${short(game.id)}`)], title, [chip(game.status), open ? forecastChip(game.forecast) : null],
    h("p", { class: "lead" }, game.proof ? `Of ${plural(steps, "step")} one was left after ${plural(game.moves.length - 1, "move")}, and EXECUTE proved that it ends elsewhere than claimed.` : inOneSentence(game)),
    open && game.forecast ? h("p", { class: "muted why" }, `By what this daemon derived itself: ${game.forecast.why}.`) : null,
    h("div", { class: "panel", "data-key": "players" }, clocks(game, overview.rules, now, false, roles)),
    h("div", { class: "panel narrowing", "data-key": "narrowing" },
      funnel(levels, { width, open, arity: overview.rules.arity, ends: true }),
      legend(),
      verdict({ game, proof: game.proof, assertion, rules: overview.rules, roles, now })),
    moves(game.moves, roles, now));
}

const legend = () =>
  h("p", { class: "legend-line centred" }, h("span", null, h("span", { class: "swatch agreed" }), " both agree"), h("span", null, h("span", { class: "swatch disputed" }), " disputed"), h("span", null, h("span", { class: "swatch after" }), " follows from it"));

const MOVES = {
  open: (move) => `opens the game on ${span(move.lo, move.hi)}`,
  split: (move) => `says what it claims at ${plural(move.commitments.length, "place")} in between`,
  pick: (move) => `picks ${span(move.lo, move.hi)}`,
  prove: (move) => `proves ${span(move.lo, move.hi)} with EXECUTE`,
  timeout: () => "calls time: the mover's clock ran out",
  void: () => "ends it: the assertion is over",
};

function moves(list, roles, now) {
  if (!list.length) return null;
  const gas = list.reduce((sum, move) => sum + (move.gas_used ?? 0), 0);
  return section("moves", "Moves", `${plural(list.length, "transaction")}, ${count(gas)} L1 gas`, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "the moves, a table" }, h("table", { class: "moves" },
    h("thead", null, h("tr", null, ["#", "move", "by"].map((each) => h("th", { scope: "col" }, each)), h("th", { scope: "col", class: "figure" }, "L1 block"), h("th", { scope: "col", class: "figure" }, "L1 gas"), h("th", { scope: "col" }, "when"), h("th", { scope: "col" }, "L1 transaction"))),
    h("tbody", null, list.map((move, i) => h("tr", { "data-key": `${move.transaction}-${i}` },
      h("td", { class: "muted" }, i + 1), h("td", null, h("strong", null, move.kind), " ", h("span", { class: "muted" }, (MOVES[move.kind] ?? (() => ""))(move))), h("td", null, party(move.by, roles)),
      h("td", { class: "figure" }, count(move.l1_block)), h("td", { class: "figure" }, move.gas_used === null ? "" : count(move.gas_used)), h("td", null, when(move.timestamp, now)), h("td", null, hash(move.transaction))))))));
}

export function assertionPage(id, found, { overview, now, roles, width }) {
  if (found.missing) return missing("assertion", id);
  const made = found.data ?? overview.assertions.find((each) => each.id === id) ?? null;
  if (made === null) return loading("Assertion", found.failure);
  const settled = made.asserter === NOBODY;
  const pending = made.status === "pending";
  const games = overview.games.filter((game) => game.assertion === id);
  const others = made.games.filter((each) => !games.some((game) => game.id === each));
  const direct = made.proof && !made.games.length;
  return page([batchLink(made.batch), h("span", null, `assertion ${short(made.id)}`)], made.batch === null ? "An assertion" : `An assertion of batch ${count(made.batch)}`,
    [chip(made.status), made.forecast && pending ? chip(made.forecast, `looks ${made.forecast}`) : null],
    h("p", { class: "lead" }, assertionSentence(made, now, settled)),
    h("div", { class: "panel", "data-key": "facts" },
      settled ? null : h("div", { class: "window" }, h("div", { class: "clock-head" }, h("span", { class: "label" }, "window"), h("span", { class: "time" }, pending ? (made.window_ends > now ? `${duration(made.window_ends - now)} left` : "over: it can be confirmed") : "over")), drain(made.created_at, made.window_ends, pending ? now : made.window_ends, "window")),
      h("div", { class: "two" },
        facts(["by", party(made.asserter, roles)], ["batch", batchLink(made.batch)], ["steps", count(made.steps)], ["made", when(made.created_at, now)], ["L1 block", count(made.l1_block)], ["L1 transaction", hash(made.transaction)], ["parent", /^0x0+$/.test(made.parent) ? "genesis" : assertionLink(made.parent)]),
        facts(["L2 state root", hash(made.state_root)], ["L2 block", hash(made.block_hash)], ["commitment", hash(made.commitment)], made.confirmed_at === null ? null : ["confirmed", when(made.confirmed_at, now)]))),
    direct ? h("div", { class: "panel narrowing", "data-key": "narrowing" },
      funnel(levelsOf({ batch: made.batch, steps: Math.max(made.steps, made.proof.step + 1), stride: overview.rules.stride, moves: [], step: made.proof.step }), { width, ends: true }), legend(),
      verdict({ game: null, proof: made.proof, assertion: made, rules: overview.rules, roles, now })) : null,
    !direct && made.killed ? h("div", { class: "spine alone", "data-key": "death" }, deathCard(made.killed, roles, now)) : null,
    made.games.length ? section("games", "Disputes about it", count(made.games.length),
      h("div", { class: "games" }, games.map((game) => gameCard(game, overview, now, made.steps, roles))),
      others.length ? h("p", null, others.map((each) => h("a", { class: "hash", href: `#/games/${each}` }, short(each), " "))) : null) : null);
}

function assertionSentence(made, now, settled) {
  if (settled) return "EXECUTE has run every step of this batch on L1: nobody had to be believed, and there was no window.";
  if (made.status === "confirmed") return "Nobody proved it wrong within its window: the state root counts on L1.";
  if (made.status === "killed") return "It is dead: nothing that it says counts.";
  if (made.open_games) return `${plural(made.open_games, "dispute")} must end before it can be confirmed.`;
  return made.window_ends > now ? "Anyone can prove it wrong until its window is over." : "Its window is over: anyone can confirm it now.";
}

export function batchPage(index, { overview, now, roles }) {
  const batch = overview.batches.find((each) => String(each.index) === index);
  if (!batch) {
    const known = Number(index) < overview.batch_count;
    return page([], `Batch ${index}`, null, h("div", { class: "panel" }, known ? empty("It is not among the newest batches.", `The page shows the newest ${count(overview.batches.length)}; verdict_batch of the daemon's JSON-RPC has the others.`) : empty("There is no such batch on L1 yet.", `So far there ${overview.batch_count === 1 ? "is 1" : `are ${count(overview.batch_count)}`}.`)));
  }
  const made = overview.assertions.filter((each) => batch.assertions.includes(each.id));
  const others = batch.assertions.filter((id) => !made.some((each) => each.id === id));
  return page([h("span", null, `batch ${count(batch.index)}`)], `Batch ${count(batch.index)}`, chip(batch.status),
    h("p", { class: "lead" }, { posted: "It is on L1. Nobody has asserted yet what it does.", asserted: "Somebody has asserted what it does, and the window is open.", confirmed: "What it does is confirmed on L1." }[batch.status] ?? ""),
    h("div", { class: "panel", "data-key": "facts" }, h("div", { class: "two" },
      facts(["data", batch.data === "blobs" ? [blobCells(batch.blobs), ` ${plural(batch.blobs, "blob")}, ${plural(batch.chunks, "chunk")}`] : `calldata, ${plural(batch.chunks, "chunk")}`], ["deposits taken", count(batch.deposits)], ["forced transactions taken", count(batch.forced)], ["L1 origin", `block ${count(batch.origin)}`]),
      facts(["posted by", party(batch.poster, roles)], ["posted", when(batch.timestamp, now)], ["L1 block", count(batch.l1_block)], ["L1 transaction", hash(batch.transaction)], ["batch hash", hash(batch.hash)]))),
    section("claims", "What is asserted of it", batch.assertions.length ? count(batch.assertions.length) : "",
      batch.assertions.length ? h("ul", { class: "plain" }, made.map((each) => h("li", { "data-key": each.id }, chip(each.status), " ", assertionLink(each.id), " by ", party(each.asserter, roles), ` · ${plural(each.steps, "step")}`)), others.map((id) => h("li", null, assertionLink(id))))
        : empty("Nothing yet.", `An assertion of it takes a bond of ${ether(overview.rules.assertion_bond)}.`)));
}
