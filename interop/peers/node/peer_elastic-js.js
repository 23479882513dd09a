// Elastic's agent.
'use strict'

const { serve, asObject, config } = require('./protocol')

const apm = require('elastic-apm-node').start({
  serviceName: 'interop',
  serverUrl: 'http://127.0.0.1:9',
  disableSend: true,
  instrument: false,
  centralConfig: false,
  cloudProvider: 'none',
  metricsInterval: '0s',
  captureExceptions: false,
  logLevel: 'off',
  useElasticTraceparentHeader: config === 'legacy'
})

function write (transaction) {
  const headers = {}
  transaction.propagateTraceContextHeaders(headers, (carrier, name, value) => { carrier[name] = value })
  const { 'trace.id': traceId, 'transaction.id': spanId } = transaction.ids
  transaction.end()
  return { headers: Object.entries(headers), trace_id: traceId, span_id: spanId, sampled: transaction.sampled }
}

function inject ({ sampled }) {
  apm._conf.transactionSampleRate = sampled ? 1 : 0
  return write(apm.startTransaction('root'))
}

function read (headers) {
  const { traceparent, 'elastic-apm-traceparent': legacy, tracestate } = asObject(headers)
  return apm.startTransaction('entry', { childOf: traceparent ?? legacy, tracestate })
}

function extract ({ headers }) {
  const transaction = read(headers)
  transaction.end()
  if (!transaction.parentId) return {}
  return { trace_id: transaction.traceId, span_id: transaction.parentId, sampled: transaction.sampled }
}

function through ({ headers }) {
  const transaction = read(headers)
  return { ...write(transaction), parent: transaction.parentId }
}

serve('elastic-js', 'elastic-apm-node', { inject, extract, through })
