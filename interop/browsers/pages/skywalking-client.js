import ClientMonitor from "skywalking-client-js";
import { run } from "../page.js";

await run(
  () =>
    ClientMonitor.register({
      collector: location.origin,
      service: "page",
      serviceVersion: "1",
      pagePath: "/café",
      useFmp: false,
      traceTimeInterval: 500,
      autoTracePerf: false,
    }),
  () => new Promise((resolve) => setTimeout(resolve, 1500)),
);
