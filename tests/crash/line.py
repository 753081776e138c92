"""Pass on what comes to a port to a server, until this program is killed: ``line.py PORT HOST PORT``."""

from __future__ import annotations

import asyncio
import sys


async def main(here: str, host: str, port: str) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pour(reader, asks), pour(answers, writer))

    server = await asyncio.start_server(take, "127.0.0.1", int(here))
    await server.serve_forever()


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes from one side to the other."""
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
