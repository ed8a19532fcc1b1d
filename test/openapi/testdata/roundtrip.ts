// A round trip with the client that @hey-api/openapi-ts makes from the OpenAPI
// document: token, bucket, put, get, list, tags, copy, multipart, delete.
// scripts/codegen.sh typescript puts this file beside the client.
import { client } from "./lockwell/client.gen";
import * as api from "./lockwell/sdk.gen";

declare const process: { env: Record<string, string | undefined>; exitCode?: number };

const bucket = "generated-ts";
const key = "a dir/ünï.txt";

function expect(ok: boolean, what: string, answer: { response?: Response; error?: unknown }): void {
  if (!ok) throw new Error(`${what}: ${answer.response?.status} ${JSON.stringify(answer.error)}`);
}

async function connect(): Promise<void> {
  const env = process.env;
  client.setConfig({ baseUrl: env.SLUICE_URL + "/api/v1" });
  const token = await api.mintToken({ body: { accessKeyId: env.SLUICE_ACCESS_KEY_ID!, secretKey: env.SLUICE_SECRET_KEY! } });
  expect(token.data?.tokenType === "Bearer", "mintToken", token);
  client.setConfig({ auth: token.data!.accessToken });
}

async function objects(): Promise<void> {
  const made = await api.createBucket({ body: { name: bucket } });
  expect(made.data?.versioning === "Unversioned", "createBucket", made);
  const path = { bucket, key };
  const body = new Blob(["hello"], { type: "text/plain" });
  const put = await api.putObject({ path, body, headers: { "If-None-Match": "*", "X-Lockwell-Tags": "team=a" } });
  expect(put.data?.key === key && put.response!.headers.get("ETag") === put.data.etag, "putObject", put);
  const again = await api.putObject({ path, body, headers: { "If-None-Match": "*" } });
  expect(again.error?.code === "precondition_failed", "putObject of what is there", again);
  const got = await api.getObject({ path, parseAs: "text" });
  expect((got.data as unknown) === "hello", "getObject", got);
  const part = await api.getObject({ path, parseAs: "text", headers: { Range: "bytes=1-3" } });
  expect((part.data as unknown) === "ell" && part.response!.status === 206, "getObject by range", part);
  const list = await api.listObjects({ path: { bucket }, query: { prefix: "a dir/" } });
  expect(list.data?.objects.length === 1 && list.data.objects[0].key === key, "listObjects", list);
  const tags = await api.setObjectTags({ path, body: { tags: { team: "b" } } });
  expect(tags.data?.tags.team === "b", "setObjectTags", tags);
}

async function copies(): Promise<void> {
  const path = { bucket, key: "copy" };
  const done = await api.copyObject({ path, body: { sourceBucket: bucket, sourceKey: key, requireAbsent: true } });
  expect(done.data?.size === 5, "copyObject", done);
  const tags = await api.getObjectTags({ path });
  expect(tags.data?.tags.team === "b", "getObjectTags", tags);
}

async function multipart(): Promise<void> {
  const up = await api.createMultipartUpload({ path: { bucket, key: "big" }, body: { contentType: "video/x-matroska" } });
  expect(up.data !== undefined, "createMultipartUpload", up);
  const path = { bucket, key: "big", uploadId: up.data!.uploadId };
  const parts: { partNumber: number; etag: string }[] = [];
  for (const [i, bytes] of ["part".repeat(5 << 18), "the end"].entries()) {
    const part = await api.uploadPart({ path: { ...path, partNumber: i + 1 }, body: new Blob([bytes]) });
    expect(part.data?.size === bytes.length, "uploadPart", part);
    parts.push({ partNumber: i + 1, etag: part.data!.etag });
  }
  const done = await api.completeMultipartUpload({ path, body: { parts } });
  expect(done.data?.size === (5 << 20) + 7, "completeMultipartUpload", done);
}

async function remove(): Promise<void> {
  const gone = await api.deleteObject({ path: { bucket, key: "big" } });
  expect(gone.response?.status === 204, "deleteObject", gone);
  const rest = await api.batchDeleteObjects({ path: { bucket }, body: { objects: [{ key }, { key: "copy" }] } });
  expect(rest.data?.results.length === 2, "batchDeleteObjects", rest);
  const end = await api.deleteBucket({ path: { bucket } });
  expect(end.response?.status === 204, "deleteBucket", end);
}

connect()
  .then(objects)
  .then(copies)
  .then(multipart)
  .then(remove)
  .then(() => console.log("round trip done"))
  .catch((e) => {
    console.error(e);
    process.exitCode = 1;
  });
