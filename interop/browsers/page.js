// What every page does: it starts an agent, makes two calls to the API of another origin, and reports.

/** What the driver put into the page: the origin of the API, and the name of the configuration. */
export const settings = JSON.parse(document.getElementById("settings").textContent);

/** Where agents send what they collect: the origin of the page, which keeps it for the driver. */
export const collector = `${location.origin}/collect`;

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// One call by each way that agents instrument. Both need a preflight.
async function call() {
  const done = { fetch: "blocked", xhr: "blocked" };
  try {
    done.fetch = String((await fetch(`${settings.api}/fetch`)).status);
  } catch (error) {
    console.warn(error);
  }
  done.xhr = await new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.addEventListener("load", () => resolve(String(request.status)));
    request.addEventListener("error", () => resolve("blocked"));
    request.open("GET", `${settings.api}/xhr`);
    request.send();
  });
  return done;
}

/**
 * Runs a page. `start` starts the agent, and `end` makes it send what it collected: both may be asynchronous.
 * What `end` returns is kept like a body that was sent to the collector.
 */
export async function run(start, end = () => {}) {
  const report = { calls: {}, collected: [] };
  try {
    await start();
    // Agents link the document in the events of its load.
    await (document.readyState === "complete" || new Promise((resolve) => addEventListener("load", resolve)));
    await later(300);
    report.calls = await call();
    await later(300);
    report.collected = [await end()].flat().filter(Boolean);
  } catch (error) {
    report.error = String(error?.stack ?? error);
  }
  // No agent instruments this one.
  navigator.sendBeacon("/report", JSON.stringify(report));
}
