// Zipkin's client. It reads and writes X-B3-*.
'use strict'

const { ExplicitContext, Instrumentation, Request, Tracer, option, sampler } = require('zipkin')

const { serve, asObject } = require('./protocol')

function instrument (samples) {
  const tracer = new Tracer({
    ctxImpl: new ExplicitContext(),
    recorder: { record () {} },
    sampler: new sampler.Sampler(() => samples),
    traceId128Bit: true,
    localServiceName: 'interop'
  })
  return { tracer, server: new Instrumentation.HttpServer({ tracer, port: 80 }) }
}
const on = instrument(true)
const off = instrument(false)

function fields (id) {
  return {
    trace_id: id.traceId.padStart(32, '0'),
    span_id: id.spanId,
    sampled: id.sampled.getOrElse(null),
    debug: id.isDebug()
  }
}

function write (id) {
  return { headers: Object.entries(Request.addZipkinHeaders({}, id).headers), ...fields(id) }
}

function inject ({ sampled }) {
  return write((sampled ? on : off).tracer.createRootId())
}

// What the instrumentation of a server does with a request: it joins the span of the caller.
function read (headers) {
  const object = asObject(headers)
  const readHeader = name => {
    const value = object[name.toLowerCase()]
    return value === undefined ? option.None : new option.Some(value)
  }
  return on.tracer.scoped(() => on.server.recordRequest('GET', 'http://127.0.0.1/', readHeader))
}

function extract ({ headers }) {
  return fields(read(headers))
}

function through ({ headers }) {
  const joined = read(headers)
  return { ...write(on.tracer.createChildId(joined)), parent: joined.spanId }
}

serve('zipkin-js', 'zipkin', { inject, extract, through })
