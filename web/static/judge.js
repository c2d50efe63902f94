// How a dispute ends: the one step, the call of EXECUTE, and what becomes of the assertion and the money.

import { h } from "./dom.js";
import { bytes, count, ether, gwei, percent, plural } from "./format.js";
import { chip, copy, facts, hash, party, when } from "./parts.js";

const KINDS = {
  "block start": ["The start of an L2 block", "The step opens the block: number, time, base fee, system calls."],
  transaction: ["One L2 transaction", ""],
  fragment: ["A part of an L2 transaction", "The step keeps the part until the last one joins them."],
  skip: ["Nothing", "What lies there is no valid item, so the step must change nothing."],
  "batch end": ["The end of the batch", "The step seals the last L2 block."],
  "no step": ["No step at all", "The assertion claims more steps than the batch has."],
};

const card = (kind, sign, title, extra, ...content) =>
  h("article", { class: `card ${kind}`, "data-key": `card-${kind}` },
    h("header", null, h("span", { class: "badge", "aria-hidden": "true" }, sign), h("h2", null, title), h("div", { class: "panel-extra" }, extra)), content);

/** The disputed step itself. */
function stepCard(proof, roles) {
  const [title, text] = KINDS[proof.kind] ?? ["One step", ""];
  return card("step", "1", title, h("span", { class: "muted" }, `step ${count(proof.step)} of batch ${count(proof.batch)}`),
    text ? h("p", null, text) : null,
    facts(
      ["place", proof.place],
      ["L2 transaction", proof.l2_transaction ? hash(proof.l2_transaction) : null],
      ["from", proof.sender ? party(proof.sender, roles) : null],
      ["to", proof.to ? party(proof.to, roles) : proof.kind === "transaction" ? "a new contract" : null],
      proof.kind === "transaction" ? ["L2 gas", count(proof.l2_gas)] : null,
    ));
}

/** The call that says where the step really ends. */
function executeCard(proof) {
  const total = proof.calldata_bytes ?? 0;
  const witness = proof.witness_bytes ?? 0;
  const within = total > 0 && witness <= total;
  return card("execute", "⚖\uFE0E", "EXECUTE runs it again", h("span", { class: "muted" }, `L1 block ${count(proof.l1_block)}`),
    h("div", { class: "versus" },
      h("div", { class: "side claimed" }, h("span", { class: "label" }, "✕ the assertion claimed"), h("code", null, proof.claimed), copy(proof.claimed)),
      h("div", { class: "unequal", "aria-hidden": "true" }, "≠"),
      h("div", { class: "side proved" }, h("span", { class: "label" }, "✓ EXECUTE proved"), h("code", null, proof.proved), copy(proof.proved))),
    within ? h("div", { class: "meter", role: "img", "aria-label": `witness ${bytes(witness)} of ${bytes(total)} of calldata` },
      h("div", { class: "part witness", style: { width: percent(witness / total) } })) : null,
    facts(
      ["witness", proof.witness_bytes === null ? null : [bytes(witness), h("span", { class: "muted" }, within ? " of state proofs, in the calldata" : " of state proofs, staged as contract code before")]],
      ["calldata", proof.calldata_bytes === null ? null : bytes(total)],
      ["L1 gas", count(proof.l1_gas)],
      ["EXECUTE's fee", h("span", { title: `${proof.execute_fee} wei` }, gwei(proof.execute_fee))],
      ["L1 transaction", hash(proof.transaction)],
    ));
}

const REASONS = {
  "step proof": "EXECUTE says that its step ends elsewhere.",
  timeout: "Its asserter's clock ran out.",
  "dead parent": "The assertion that it stood on died.",
  rival: "Another assertion of the same batch was confirmed.",
};

/** The end of an assertion, and the way of its bond. */
export function deathCard(killed, roles, now) {
  const [paid, burned] = [BigInt(killed.paid), BigInt(killed.burned)];
  const share = paid + burned > 0n ? Number((paid * 10_000n) / (paid + burned)) / 10_000 : 0;
  const back = paid + burned === 0n;
  return card("death", "✕", "The assertion is dead", when(killed.at, now),
    h("p", null, REASONS[killed.reason] ?? killed.reason),
    back ? h("p", { class: "muted" }, "Its bond went back to its asserter.") : [
      h("div", { class: "meter money", role: "img", "aria-label": `${ether(killed.paid)} paid, ${ether(killed.burned)} burned` },
        h("div", { class: "part paid", style: { width: percent(share) } }), h("div", { class: "part burned", style: { width: percent(1 - share) } })),
      h("ul", { class: "legend" },
        h("li", null, h("span", { class: "swatch paid", "aria-hidden": "true" }), h("strong", null, ether(killed.paid)), " of the bond to ", party(killed.by, roles)),
        h("li", null, h("span", { class: "swatch burned", "aria-hidden": "true" }), h("strong", null, ether(killed.burned)), " burned")),
    ],
    facts(["L1 transaction", hash(killed.transaction)]));
}

const ENDS = {
  "challenger won": ["challenger", "⚑\uFE0E", "The challenger won"],
  "asserter won": ["asserter", "⚐\uFE0E", "The asserter won"],
  void: ["void", "∅", "The game is void"],
};

/** The end of a game that no proof ended. */
function endCard(game, bond) {
  const [kind, sign, title] = ENDS[game.status] ?? ["void", "•", game.status];
  const text = {
    "challenger won": "The asserter's clock ran out, so the assertion died.",
    "asserter won": `The challenger's clock ran out: its bond of ${ether(bond)} went to the asserter, and the assertion lives on.`,
    void: "The assertion was over before the game was. Bonds go back to who put them up.",
  }[game.status];
  return card(`end-${kind}`, sign, title, null, h("p", null, text ?? ""));
}

const ghost = (title, text) => h("article", { class: "card ghost-card" }, h("header", null, h("span", { class: "badge", "aria-hidden": "true" }, "…"), h("h2", null, title)), h("p", null, text));

/** The cards under the funnel. `game`: null where a step was proved without one. */
export function verdict({ game, proof, assertion, rules, roles, now }) {
  const open = game !== null && game.status === "open";
  const cards = [];
  if (proof) cards.push(stepCard(proof, roles), executeCard(proof));
  else if (game !== null && !open) cards.push(endCard(game, rules.challenge_bond));
  if (assertion?.killed) cards.push(deathCard(assertion.killed, roles, now));
  if (open) {
    const left = game.hi - game.lo;
    cards.push(ghost(left === 1 ? `Step ${count(game.lo)}: its proof is awaited` : "Then: one step",
      left === 1 ? "The challenger hands this one step, with its state proofs, to EXECUTE on L1." : "When one step is left, the challenger hands it, with its state proofs, to EXECUTE on L1."));
  }
  return h("div", { class: "spine" }, cards);
}

/** What one says of a game in a sentence. */
export function inOneSentence(game) {
  if (game.status === "challenger won") return game.proof ? "The challenger was right: EXECUTE proved it." : "The asserter let its clock run out.";
  if (game.status === "asserter won") return "The challenger let its clock run out.";
  if (game.status === "void") return "The assertion was over before this game was.";
  const left = plural(game.hi - game.lo, "step");
  return {
    split: `${left} disputed. The asserter has to say what it claims in between.`,
    pick: `${left} disputed. The challenger has to name the first part that is wrong.`,
    prove: "One step is left. The challenger has to prove it with EXECUTE.",
  }[game.stage] ?? "";
}

export const forecastChip = (forecast) =>
  forecast ? h("span", { class: "forecast", title: forecast.why }, chip(`${forecast.winner} won`, `${forecast.winner} should win`)) : null;
