/** The little of a WebSocket server that a feed needs: the handshake, and text frames going out. */

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3

export interface Viewer {
  send(text: string): void;
  close(): void;
}

/** Answer the upgrade; what the page sends is read and let go, except its going away. */
export function accept(request: IncomingMessage, socket: Duplex, onClose: () => void): Viewer {
  const answer = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}${GUID}`)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`,
  );
  socket.on("data", (data: Buffer) => {
    if (((data[0] ?? 0) & 0x0f) === 0x8) socket.end(); // opcode 8: close
  });
  socket.on("error", () => socket.destroy()); // A page that was closed mid-frame.
  socket.on("close", onClose);
  return {
    send: (text) => socket.write(textFrame(Buffer.from(text))),
    close: () => socket.destroy(),
  };
}

function textFrame(payload: Buffer): Buffer {
  const { length } = payload;
  let head: Buffer;
  if (length < 126) head = Buffer.from([0x81, length]);
  else if (length < 65_536) {
    head = Buffer.alloc(4);
    head.set([0x81, 126]);
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head.set([0x81, 127]);
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}
