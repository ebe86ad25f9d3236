"""A client of POST /v1/process that sends at the pace of live audio and reads at the same time."""
import re
import socket
import threading
import time

RATE_HZ = 16000
FRAME_BYTES = 2
BLOCK_S = 0.02


class Upload(threading.Thread):
    """Sends `audio`, S16LE mono, in chunks of 20 ms; `pace` 1 is real time, 0 as fast as possible.

    Afterwards `status`, `body`, `is_complete` (the last chunk has arrived) and `server` (the local
    port of the server behind a proxy is not known, so the session is found by its model) are set.
    """

    def __init__(self, port, audio, model, pace=1.0):
        super().__init__(daemon=True)
        self.port, self.audio, self.model, self.pace = port, audio, model, pace
        self.status, self.body, self.is_complete, self.error = 0, b'', False, None
        self.first_byte = threading.Event()

    def run(self):
        try:
            with socket.create_connection(('127.0.0.1', self.port), timeout=30) as connection:
                connection.sendall(self.head())
                reader = threading.Thread(target=self.read, args=(connection,), daemon=True)
                reader.start()
                self.send(connection)
                reader.join()
        except OSError as error:
            self.error = error

    def head(self):
        return (f'POST /v1/process?model={self.model} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n'
                f'Content-Type: audio/x-raw;format=S16LE;rate={RATE_HZ};channels=1\r\n'
                'Transfer-Encoding: chunked\r\n\r\n').encode()

    def send(self, connection):
        block_bytes = int(BLOCK_S * RATE_HZ) * FRAME_BYTES
        start_s = time.monotonic()
        for i in range(0, len(self.audio), block_bytes):
            block = self.audio[i:i + block_bytes]
            connection.sendall(b'%x\r\n%s\r\n' % (len(block), block))
            due_s = start_s + self.pace * (i + len(block)) / (RATE_HZ * FRAME_BYTES)
            time.sleep(max(0, due_s - time.monotonic()))
        connection.sendall(b'0\r\n\r\n')

    def read(self, connection):
        response = b''
        try:
            while True:
                data = connection.recv(65536)
                if not data:
                    break
                self.first_byte.set()
                response += data
        except OSError as error:
            self.error = error
        self.parse(response)

    def parse(self, response):
        head, _, rest = response.partition(b'\r\n\r\n')
        if not head:
            return
        self.status = int(head.split()[1])
        if b'chunked' not in head.lower():
            self.body, self.is_complete = rest, True
            return
        while rest:
            size, _, rest = rest.partition(b'\r\n')
            if not re.fullmatch(b'[0-9a-fA-F]+', size):
                return
            count = int(size, 16)
            if count == 0:
                self.is_complete = True
                return
            self.body += rest[:count]
            rest = rest[count + 2:]
