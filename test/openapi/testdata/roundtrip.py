"""A round trip with the client that OpenAPI Generator makes from the OpenAPI
document: token, bucket, put, get, list, tags, copy, multipart, delete."""

import os

import lockwell
from lockwell.rest import ApiException

BUCKET, KEY = "generated-py", "a dir/ünï.txt"


def connect():
    config = lockwell.Configuration(host=os.environ["SLUICE_URL"] + "/api/v1")
    credentials = lockwell.Credentials(os.environ["SLUICE_ACCESS_KEY_ID"], os.environ["SLUICE_SECRET_KEY"])
    token = lockwell.AuthApi(lockwell.ApiClient(config)).mint_token(credentials=credentials)
    assert token.token_type == "Bearer", token
    config.access_token = token.access_token
    return lockwell.ApiClient(config)


def objects(client):
    api = lockwell.ObjectsApi(client)
    bucket = lockwell.BucketsApi(client).create_bucket(lockwell.NewBucket(name=BUCKET))
    assert bucket.versioning == "Unversioned", bucket
    put, status, headers = api.put_object_with_http_info(BUCKET, KEY, b"hello", if_none_match="*", x_lockwell_tags="team=a")
    assert status == 201 and put.key == KEY and headers["ETag"] == put.etag, put
    try:
        api.put_object(BUCKET, KEY, b"hello", if_none_match="*")
        raise AssertionError("putObject of what is there")
    except ApiException as e:
        assert e.status == 412 and "precondition_failed" in e.body, e
    got = api.get_object(BUCKET, KEY, _preload_content=False)
    assert got.data == b"hello", got.data
    part = api.get_object(BUCKET, KEY, range="bytes=1-3", _preload_content=False)
    assert part.status == 206 and part.data == b"ell", part.data
    listing = api.list_objects(BUCKET, prefix="a dir/")
    assert [o.key for o in listing.objects] == [KEY], listing
    tags = lockwell.TagsAndLocksApi(client).set_object_tags(BUCKET, KEY, lockwell.Tags(tags={"team": "b"}))
    assert tags.tags == {"team": "b"}, tags


def copies(client):
    source = lockwell.CopySource(source_bucket=BUCKET, source_key=KEY, require_absent=True)
    copy = lockwell.ObjectsApi(client).copy_object(BUCKET, "copy", source)
    assert copy.size == 5, copy
    tags = lockwell.TagsAndLocksApi(client).get_object_tags(BUCKET, "copy")
    assert tags.tags == {"team": "b"}, tags


def multipart(client):
    api = lockwell.MultipartApi(client)
    upload = api.create_multipart_upload(BUCKET, "big", new_upload=lockwell.NewUpload(content_type="video/x-matroska"))
    parts = []
    for number, body in enumerate([b"part" * (5 << 18), b"the end"], start=1):
        part = api.upload_part(BUCKET, upload.upload_id, number, "big", body)
        assert part.size == len(body), part
        parts.append(lockwell.CompletedPart(part_number=number, etag=part.etag))
    whole = api.complete_multipart_upload(BUCKET, upload.upload_id, "big", lockwell.Completion(parts=parts))
    assert whole.size == (5 << 20) + 7 and whole.content_type == "video/x-matroska", whole


def remove(client):
    api = lockwell.ObjectsApi(client)
    # 200 has a body and 204 none: this generator reads one all the same.
    gone = api.delete_object(BUCKET, "big", _preload_content=False)
    assert gone.status == 204, gone.data
    refs = [lockwell.ObjectRef(key=KEY), lockwell.ObjectRef(key="copy")]
    done = api.batch_delete_objects(BUCKET, lockwell.BatchDelete(objects=refs))
    assert len(done.results) == 2, done
    lockwell.BucketsApi(client).delete_bucket(BUCKET)


def main():
    client = connect()
    for step in (objects, copies, multipart, remove):
        step(client)
    print("round trip done")


main()
