// The top of the page: who says this, whether it is fresh, and how far each chain has come.

import { h } from "./dom.js";
import { count, duration, gwei, plural, timeOfDay } from "./format.js";
import { facts } from "./parts.js";

const lag = (from, to) => (from && to ? Math.max(0, from.number - to.number) : null);

function station(kind, name, number, more) {
  return h("div", { class: `station ${kind}` },
    h("span", { class: "dot", "aria-hidden": "true" }),
    h("span", { class: "name" }, name),
    h("span", { class: "number" }, number === null ? "none yet" : count(number)),
    h("span", { class: "muted" }, more ?? ""));
}

const stretch = (blocks) =>
  h("div", { class: blocks === 0 ? "stretch even" : "stretch" }, h("span", null, blocks === null ? "" : blocks === 0 ? "level" : `${plural(blocks, "block")} behind`));

function rail(title, ...content) {
  return h("div", { class: "rail" }, h("h2", null, title), h("div", { class: "line" }, content));
}

const OLD_BLOCK = 30; // seconds: L1 makes one every 12

/** The chains' heads and the prices of L1. */
export function heads(overview) {
  const { l1, l2 } = overview;
  const behind = (one, other) => (other?.number === 0 ? "genesis" : one && other && one.timestamp > other.timestamp ? `${duration(one.timestamp - other.timestamp)} older` : "");
  const age = Date.now() / 1000 - l1.timestamp;
  const depth = l1.finalized === null ? null : Math.max(0, l1.block - l1.finalized);
  return h("section", { class: "panel heads", id: "heads", "aria-label": "Chain heads", "data-key": "heads" },
    h("div", { class: "rails" },
      rail("L2",
        station("finalized", "finalized", l2.finalized?.number ?? null, behind(l2.safe, l2.finalized)), stretch(lag(l2.safe, l2.finalized)),
        station("safe", "safe", l2.safe?.number ?? null, behind(l2.unsafe, l2.safe)),
        l2.unsafe === null && l2.safe !== null ? null : [stretch(lag(l2.unsafe, l2.safe)), station("unsafe", "unsafe", l2.unsafe?.number ?? null)]),
      rail("L1",
        station("finalized", "finalized", l1.finalized, ""), stretch(depth),
        station("unsafe", "head", l1.block, age > OLD_BLOCK ? `${duration(age)} old` : l1.reorgs ? `${plural(l1.reorgs, "reorg")}, the last ${l1.last_reorg_depth} deep` : "no reorgs seen"))),
    facts(
      ["L1 base fee", gwei(l1.base_fee)],
      ["blob base fee", l1.blob_base_fee === null ? null : gwei(l1.blob_base_fee)],
      ["EXECUTE costs", `${gwei(l1.execute.gas_price)} / L2 gas`],
      ["EXECUTE gas left", count(l1.execute.gas_left)],
      l1.execute.congested_seconds ? ["EXECUTE was full for", duration(l1.execute.congested_seconds)] : null,
    ));
}

/** The line that says how fresh all this is. `resource`: the overview's. */
export function freshness(resource) {
  if (resource.data === null) {
    return resource.failure ? h("p", { class: "fresh stale" }, h("span", { class: "pulse" }), `waiting: ${resource.failure}`) : h("p", { class: "fresh" }, h("span", { class: "pulse" }), "connecting");
  }
  const why = resource.staleness;
  if (why) return h("p", { class: "fresh stale" }, h("span", { class: "pulse" }), `stale since ${timeOfDay(resource.goodAt)}: ${why}`);
  return h("p", { class: "fresh live" }, h("span", { class: "pulse" }), "live");
}

/** Of "Verdict/v0.1.0/linux-x86_64/python3.11.7", the part that people want to know. */
const release = (version) => version.split("/").find((part) => /^v?\d/.test(part)) ?? version;

export function daemonLine(overview, now) {
  const { daemon, l1 } = overview;
  const parts = [`L1 chain ${l1.chain_id}`];
  if (daemon) parts.unshift(`served by ${/^[aeiou]/.test(daemon.role) ? "an" : "a"} ${daemon.role}${daemon.version ? ` ${release(daemon.version)}` : ""}`);
  if (daemon && now > daemon.started) parts.push(`up ${duration(now - daemon.started)}`);
  return parts.join(" · ");
}
