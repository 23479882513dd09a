// Opens a page in Chromium, and keeps it open until stdin ends. Then it writes what went over the wire as HAR.
import { chromium } from "playwright-core";

const [address, har] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Nothing leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
  ],
});
const context = await browser.newContext({ recordHar: { path: har, content: "omit" } });
const page = await context.newPage();
page.on("console", (message) => console.error(message.text()));
page.on("pageerror", (error) => console.error(String(error)));
await page.goto(address);
process.stdin.resume();
await new Promise((resolve) => process.stdin.on("end", resolve));
await context.close();
await browser.close();
