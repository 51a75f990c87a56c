# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passes TCP connections on and delays every byte, as a distance would: half of the round trip each way.

python tests/bench/relay.py TARGET_PORT MILLISECONDS     prints its own port
"""

from __future__ import annotations

import asyncio
import sys

_STEP = 64 * 1024


async def relay(target: int, delay: float) -> None:
    """Serves until it is ended."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A connection costs its round trip too.
        await asyncio.sleep(2 * delay)
        there, away = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_pass_on(reader, away, delay), _pass_on(there, writer, delay))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

    async def deliver() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    async def take() -> None:
        while True:
            data = await reader.read(_STEP)
            await under_way.put((loop.time() + delay, data))
            if not data:
                return

    # Either side may end the connection at any time.
    await asyncio.gather(take(), deliver(), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), float(sys.argv[2]) / 2000))
