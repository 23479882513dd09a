import * as Sentry from "@sentry/browser";
import { collector, run, settings } from "../page.js";

await run(
  () =>
    Sentry.init({
      dsn: `${location.protocol}//public@${location.host}/1`,
      tunnel: `${collector}/sentry`,
      integrations: [Sentry.browserTracingIntegration({ idleTimeout: 500, finalTimeout: 4000 })],
      tracesSampleRate: 1,
      tracePropagationTargets: [settings.api],
      propagateTraceparent: settings.config === "traceparent",
    }),
  async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await Sentry.flush(2000);
  },
);
