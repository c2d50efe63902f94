#!/usr/bin/env node
// Compiles with forge and writes artifacts/*.json (`write`), or compares them with the committed ones (`check`).
//
// An artifact holds what the rest of the project needs: abi, bytecode, deployedBytecode, where immutables lie in
// it, and what it was compiled from and with. errors.json names every custom error by selector, over all contracts:
// the Rollup passes on the StepVerifier's.
"use strict";
const { execFileSync } = require("child_process");
const { createHash } = require("crypto");
const fs = require("fs");
const path = require("path");

const ROOT = path.join(__dirname, "..");
const ARTIFACTS = path.join(ROOT, "artifacts");
const CONTRACTS = [
  "Inbox", "KzgSetup", "StepVerifier", "Rollup", "Portal", "TokenVault", "TokenBridge", "Stage", "MessagePasser", "Messenger",
  "L2TokenBridge", "BridgedToken", "BasedNativeRollup", "DemoToken", "DemoExchange", "Counter", "IExecute",
];
// `write` compiles the contracts alone and afresh. `check` takes what `forge test` needs too, so that a clean checkout is
// compiled once.
if (!["write", "check"].includes(process.argv[2])) {
  console.error("usage: artifacts.js write|check");
  process.exit(2);
}
const WRITE = process.argv[2] === "write";
const OUT = WRITE ? path.join(ROOT, "build", "out") : path.join(ROOT, "out");
const OPTIONS = WRITE ? ["--skip", "test", "--force", "--out", OUT, "--cache-path", path.join(ROOT, "build", "cache")] : [];
const FORGE = path.join(__dirname, "forge");

function sourceHash(sources) {
  const hash = createHash("sha256");
  for (const name of sources.sort()) hash.update(`${name}\n${fs.readFileSync(path.join(ROOT, name))}\n`);
  return "0x" + hash.digest("hex");
}

function build() {
  if (WRITE) fs.rmSync(OUT, { recursive: true, force: true });
  execFileSync(FORGE, ["build", "--quiet", ...OPTIONS], { cwd: ROOT, stdio: "inherit" });
  const files = {};
  const errors = {};
  const onL1 = new Set(); // sources whose errors a caller of Inbox or Rollup can see
  for (const name of CONTRACTS) {
    const out = JSON.parse(fs.readFileSync(path.join(OUT, `${name}.sol`, `${name}.json`), "utf8"));
    if (!out.metadata.settings.compilationTarget["src/examples/DemoToken.sol"]) {
      for (const source of Object.keys(out.metadata.sources)) onL1.add(source);
    }
    // One list of places for each immutable: whoever checks code on L1 masks them, and wants the same value in all of them.
    const immutables = Object.values(out.deployedBytecode.immutableReferences ?? {})
      .map((places) => places.sort((a, b) => a.start - b.start))
      .sort((a, b) => a[0].start - b[0].start);
    files[`${name}.json`] = {
      contract: name,
      compiler: out.metadata.compiler.version,
      evmVersion: out.metadata.settings.evmVersion,
      sourceHash: sourceHash(Object.keys(out.metadata.sources)),
      abi: out.abi,
      bytecode: out.bytecode.object,
      deployedBytecode: out.deployedBytecode.object,
      immutables,
    };
  }
  for (const file of fs.readdirSync(OUT, { recursive: true }).filter((f) => f.endsWith(".json"))) {
    const out = JSON.parse(fs.readFileSync(path.join(OUT, file), "utf8"));
    if (!out.metadata || !onL1.has(Object.keys(out.metadata.settings.compilationTarget)[0])) continue;
    for (const item of out.abi) {
      if (item.type !== "error") continue;
      const inputs = item.inputs.map((i) => ({ name: i.name, type: i.type }));
      const signature = `${item.name}(${inputs.map((i) => i.type).join(",")})`;
      errors[selector(signature)] = { name: item.name, inputs };
    }
  }
  files["errors.json"] = Object.fromEntries(Object.entries(errors).sort(([a], [b]) => (a < b ? -1 : 1)));
  return files;
}

function selector(signature) {
  const { keccak256 } = require("js-sha3");
  return "0x" + keccak256(signature).slice(0, 8);
}

const text = (value) => JSON.stringify(value, null, 1) + "\n";
const files = build();
if (WRITE) {
  fs.mkdirSync(ARTIFACTS, { recursive: true });
  for (const old of fs.readdirSync(ARTIFACTS)) if (!(old in files)) fs.unlinkSync(path.join(ARTIFACTS, old));
  for (const [name, value] of Object.entries(files)) fs.writeFileSync(path.join(ARTIFACTS, name), text(value));
  console.log(`wrote ${Object.keys(files).length} files to solidity/artifacts`);
} else {
  const committed = fs.existsSync(ARTIFACTS) ? fs.readdirSync(ARTIFACTS) : [];
  const stale = [...new Set([...committed, ...Object.keys(files)])].filter((name) => {
    const file = path.join(ARTIFACTS, name);
    return !(name in files) || !fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text(files[name]);
  });
  if (stale.length) {
    console.error(`solidity/artifacts is not what the sources compile to: ${stale.join(", ")}. Run: make -C solidity build`);
    process.exit(1);
  }
  console.log("solidity/artifacts is what the sources compile to");
}
