// The protocol of a peer: one JSON object a line, see interop/README.md.
'use strict'

const { readFileSync, writeSync } = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')

// Packages print diagnostics. Answers go to stdout by its number.
for (const name of ['log', 'info', 'debug']) console[name] = console.error
process.stdout.write = (...args) => process.stderr.write(...args)

function say (answer) {
  writeSync(1, JSON.stringify(answer) + '\n')
}

function version (name) {
  return JSON.parse(readFileSync(path.join(process.env.NODE_PATH, name, 'package.json'))).version
}

/** Answers requests until the input ends. `commands` has a function for each `do`. */
async function serve (peer, packageName, commands) {
  say({ peer, version: version(packageName), language: 'node', config: process.argv[2] })
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    try {
      say(await commands[request.do](request))
    } catch (error) {
      console.error(error)
      say({ error: String(error) })
    }
  }
  // Agents have timers that would keep the process alive.
  process.exit(0)
}

/** Returns headers as Node's HTTP server has them: names in lower case, values joined. */
function asObject (headers) {
  const object = {}
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    object[lower] = lower in object ? `${object[lower]}, ${value}` : value
  }
  return object
}

module.exports = { serve, asObject, config: process.argv[2] }
