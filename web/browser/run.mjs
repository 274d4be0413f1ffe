// Runs the browser tests. Without a browser, and without the rights to install one, it says so and nothing fails.
//   TAGMA_BIN     the program that is tested; bin/tagma otherwise
//   CHROMIUM      the browser; otherwise the one in PATH, or Debian's package, installed when this runs as root
//   TAGMA_FAILED  a folder for pictures of what the pages of a failed test showed
import { spawnSync } from "node:child_process";
import { needChromium } from "./support/chromium.mjs";
import { program, programIsThere } from "./support/shop.mjs";

if (!programIsThere()) {
  console.error(`browser tests: no program at ${program}; build it with make, or name it in TAGMA_BIN`);
  process.exit(1);
}
if (!needChromium()) {
  console.log("browser tests: skipped: there is no Chromium, and it could not be installed (as root: apt-get install chromium)");
  process.exit(0);
}
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=spec", "console.test.mjs"], { cwd: import.meta.dirname, stdio: "inherit" });
process.exit(status ?? 1);
