import { defineConfig } from "vite";

// Relative paths: the page works in any folder of any server.
export default defineConfig({ base: "./", build: { target: "es2022" }, server: { port: 8090, strictPort: true } });
