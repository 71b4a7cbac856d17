#!/usr/bin/env python3
"""CPU per command of paramiko on held shells; see rival.py for the arguments."""

import paramiko

import rival


class Shell:
    def __init__(self, wanted):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
        self.client.connect(wanted.address, wanted.port, wanted.user, wanted.password, look_for_keys=False,
                            allow_agent=False)
        self.channel = self.client.invoke_shell("vt100", 511, 1000)
        self.read(wanted.prompt)
        self.run("terminal length 0", wanted.prompt)

    def read(self, prompt):
        text = b""
        while not text.endswith(prompt):
            text += self.channel.recv(65536)
        return text

    def send(self, line):
        self.channel.sendall(line + "\n")

    def run(self, line, prompt):
        self.send(line)
        return self.read(prompt)


def main():
    wanted = rival.arguments()
    shells = [Shell(wanted) for _ in range(wanted.sessions)]

    def commands(count):
        for _ in range(count):  # all sessions at work, without a thread for each: the cheapest shape
            for shell in shells:
                shell.send(wanted.command)
            for shell in shells:
                rival.check(shell.read(wanted.prompt))

    rival.measure(commands, wanted)
    for shell in shells:
        shell.client.close()


main()
