"""Ask a question as a coding agent does: over MCP, with the tool `search_code`.

    python examples/agent_over_mcp.py FOLDER "where are sessions kept?"

It starts `raycontext mcp`, which relays to the daemon. With the URL of an MCP server as third argument it asks that
server instead.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters


async def main(folder: str, question: str, url: str = "") -> int:
    server = url or StdioServerParameters(command="raycontext", args=["mcp"])
    async with Client(server, read_timeout_seconds=600) as client:
        tools = await client.list_tools()
        print("tools:", ", ".join(tool.name for tool in tools.tools))
        result = await client.call_tool("search_code", {"path": folder, "query": question, "limit": 3})
        for content in result.content:
            print(content.text if content.type == "text" else content.type)
    return 1 if result.is_error else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(str(Path(sys.argv[1]).resolve()), *sys.argv[2:4])))
