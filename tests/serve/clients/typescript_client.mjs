// Lists the tools and calls one, over stdio or HTTP, with the official TypeScript SDK. Prints one line of JSON.
// node typescript_client.mjs ARGUMENTS, a JSON object: {url} or {command, args, env}, and {path, query}
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.cwd() + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${name}`)).href);
const { Client } = await load("client/index.js");
const asked = JSON.parse(process.argv[2]);
let transport;
if (asked.url) {
  const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
  transport = new StreamableHTTPClientTransport(new URL(asked.url));
} else {
  const { StdioClientTransport } = await load("client/stdio.js");
  transport = new StdioClientTransport({ command: asked.command, args: asked.args, env: asked.env });
}
const client = new Client({ name: "test", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
const result = await client.callTool(
  { name: "search_code", arguments: { path: asked.path, query: asked.query } },
  undefined,
  { timeout: 300000 },
);
const refused = await client.callTool({ name: "search_code", arguments: { path: "nowhere", query: "x" } });
console.log(
  JSON.stringify({
    tools: tools.map((tool) => tool.name),
    text: result.content[0].text,
    structured: result.structuredContent,
    refused: refused.isError,
    server: client.getServerVersion(),
  }),
);
await client.close();
