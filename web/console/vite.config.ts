import react from "@vitejs/plugin-react";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const outDir = "../dist";

// The Go handler sends the .gz file beside an asset to browsers that take it, so nothing is compressed while serving.
// .gitkeep is what go:embed finds when the console has not been built; emptying the folder would remove it.
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    closeBundle() {
      const folder = join(import.meta.dirname, outDir);
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const path = join(folder, name);
        const packed = gzipSync(readFileSync(path), { level: 9 });
        writeFileSync(path + ".gz", packed);
      }
      writeFileSync(join(folder, ".gitkeep"), "");
    },
  };
}

export default defineConfig({
  plugins: [react(), precompress()],
  build: { outDir, emptyOutDir: true, target: "es2022", reportCompressedSize: true, chunkSizeWarningLimit: 1500 },
  server: { port: 5173, proxy: { "/api": process.env.TAGMA_SERVER ?? "http://127.0.0.1:8090" } },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"], testTimeout: 5000, css: true },
});
