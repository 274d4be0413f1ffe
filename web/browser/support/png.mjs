import { crc32, deflateSync, inflateSync } from "node:zlib";

const headLength = 8;

/** The same picture, packed as well as deflate can: browsers pack screenshots fast rather than small. */
export function smaller(png) {
  const parts = [png.subarray(0, headLength)];
  const data = [];
  for (let at = headLength; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    const content = png.subarray(at + 8, at + 8 + length);
    if (type === "IDAT") data.push(content);
    else if (type === "IEND") parts.push(chunk("IDAT", deflateSync(inflateSync(Buffer.concat(data)), { level: 9, memLevel: 9 })), chunk(type, content));
    else if (type === "IHDR") parts.push(chunk(type, content));
    at += length + 12;
  }
  const packed = Buffer.concat(parts);
  return packed.length < png.length ? packed : png;
}

function chunk(type, content) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(content.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
