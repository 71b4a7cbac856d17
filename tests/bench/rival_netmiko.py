#!/usr/bin/env python3
"""CPU per command of netmiko on held sessions, in its faster mode; see rival.py for the arguments."""

import netmiko

import rival


def main():
    wanted = rival.arguments()
    connections = [
        netmiko.ConnectHandler(device_type="cisco_ios", host=wanted.address, port=wanted.port, username=wanted.user,
                               password=wanted.password, fast_cli=True)
        for _ in range(wanted.sessions)
    ]

    def commands(count):
        for _ in range(count):
            for connection in connections:
                rival.check(connection.send_command(wanted.command).encode())

    rival.measure(commands, wanted)
    for connection in connections:
        connection.remote_conn_pre.close()


main()
