// node --require engines/orphan.cjs ...: ends a Node engine whose parent is gone, in the middle of a verdict too.
// On its own thread, as the engine's may be busy for long. EOF on stdin is what ends an idle one.
const { Worker } = require('node:worker_threads')

const watch = `const parent = Number(process.env.VERDICT_ENGINE_PARENT) || process.ppid
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 1000)`
new Worker(watch, { eval: true, execArgv: [] }).unref()
