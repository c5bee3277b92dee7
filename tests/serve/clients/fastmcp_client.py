"""Lists the tools and calls one with fastmcp, over stdio or HTTP. Prints one line of JSON.

python fastmcp_client.py ARGUMENTS, a JSON object: {url} or {command, args, env}, and {path, query}
"""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport


async def main() -> None:
    asked = json.loads(sys.argv[1])
    place = asked.get("url") or StdioTransport(asked["command"], asked["args"], env=asked["env"])
    async with Client(place) as client:
        tools = await client.list_tools()
        result = await client.call_tool("search_code", {"path": asked["path"], "query": asked["query"]})
        refused = await client.call_tool("search_code", {"path": "nowhere", "query": "x"}, raise_on_error=False)
    told = {
        "tools": [tool.name for tool in tools],
        "text": result.content[0].text,
        "structured": result.structured_content,
        "refused": refused.is_error,
    }
    print(json.dumps(told))


asyncio.run(main())
