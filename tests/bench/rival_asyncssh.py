#!/usr/bin/env python3
"""CPU per command of asyncssh on held shells; see rival.py for the arguments."""

import asyncio

import asyncssh

import rival


async def open_shell(wanted):
    connection = await asyncssh.connect(wanted.address, wanted.port, username=wanted.user, password=wanted.password,
                                        known_hosts=None, client_keys=None, config=None, agent_path=None)
    process = await connection.create_process(term_type="vt100", term_size=(511, 1000), encoding=None)
    await process.stdout.readuntil(wanted.prompt)
    process.stdin.write(b"terminal length 0\n")
    await process.stdout.readuntil(wanted.prompt)
    return connection, process


async def type_on(process, wanted, count):
    line = wanted.command.encode() + b"\n"
    for _ in range(count):
        process.stdin.write(line)
        rival.check(await process.stdout.readuntil(wanted.prompt))


def main():
    wanted = rival.arguments()
    loop = asyncio.new_event_loop()
    shells = [loop.run_until_complete(open_shell(wanted)) for _ in range(wanted.sessions)]

    async def all_at_once(count):
        await asyncio.gather(*(type_on(process, wanted, count) for _, process in shells))

    rival.measure(lambda count: loop.run_until_complete(all_at_once(count)), wanted)
    for connection, _ in shells:
        connection.abort()
    loop.run_until_complete(asyncio.sleep(0))


main()
