import dev.sluice.lockwell.ApiClient;
import dev.sluice.lockwell.ApiException;
import dev.sluice.lockwell.ApiResponse;
import dev.sluice.lockwell.api.AuthApi;
import dev.sluice.lockwell.api.BucketsApi;
import dev.sluice.lockwell.api.MultipartApi;
import dev.sluice.lockwell.api.ObjectsApi;
import dev.sluice.lockwell.api.TagsAndLocksApi;
import dev.sluice.lockwell.auth.HttpBearerAuth;
import dev.sluice.lockwell.model.*;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;

/**
 * A round trip with the client that OpenAPI Generator makes from the OpenAPI
 * document: token, bucket, put, get, list, tags, copy, multipart, delete.
 */
public final class RoundTrip {
    private static final String BUCKET = "generated-java";
    private static final String KEY = "a dir/ünï.txt";

    private final ApiClient client = new ApiClient();
    private final ObjectsApi objects = new ObjectsApi(client);
    private final TagsAndLocksApi tags = new TagsAndLocksApi(client);

    public static void main(String[] args) throws Exception {
        RoundTrip r = new RoundTrip();
        r.connect();
        r.objects();
        r.copies();
        r.multipart();
        r.remove();
        System.out.println("round trip done");
        System.exit(0); // okhttp keeps a pool of threads
    }

    private void connect() throws ApiException {
        client.setBasePath(System.getenv("SLUICE_URL") + "/api/v1");
        Credentials key = new Credentials().accessKeyId(System.getenv("SLUICE_ACCESS_KEY_ID")).secretKey(System.getenv("SLUICE_SECRET_KEY"));
        String token = new AuthApi(client).mintToken(key).getAccessToken();
        ((HttpBearerAuth) client.getAuthentication("nativeToken")).setBearerToken(token);
    }

    private void objects() throws ApiException, IOException {
        Bucket made = new BucketsApi(client).createBucket(new NewBucket().name(BUCKET));
        expect(made.getName().equals(BUCKET), "createBucket", made);
        File hello = file("hello");
        ApiResponse<ModelObject> put = put(hello);
        expect(put.getData().getKey().equals(KEY) && put.getHeaders().get("etag").get(0).equals(put.getData().getEtag()), "putObject", put.getData());
        try {
            put(hello);
            throw new IllegalStateException("putObject of what is there");
        } catch (ApiException e) {
            expect(e.getCode() == 412 && e.getResponseBody().contains("precondition_failed"), "putObject of what is there", e.getResponseBody());
        }
        String got = read(null);
        expect(got.equals("hello"), "getObject", got);
        String part = read("bytes=1-3");
        expect(part.equals("ell"), "getObject by range", part);
        Listing list = objects.listObjects(BUCKET, "a dir/", null, null, null, null, null);
        expect(list.getObjects().size() == 1 && list.getObjects().get(0).getKey().equals(KEY), "listObjects", list);
        Tags set = tags.setObjectTags(BUCKET, KEY, new Tags().tags(Map.of("team", "b")), null);
        expect(set.getTags().equals(Map.of("team", "b")), "setObjectTags", set);
    }

    private ApiResponse<ModelObject> put(File body) throws ApiException {
        return objects.putObjectWithHttpInfo(BUCKET, KEY, body, null, "*", null, null, null, null, null, null, null, null, null, null, null, "team=a", null, null, null);
    }

    private String read(String range) throws ApiException, IOException {
        return Files.readString(objects.getObject(BUCKET, KEY, null, null, null, null, null, null, range).toPath());
    }

    private void copies() throws ApiException {
        ModelObject copy = objects.copyObject(BUCKET, "copy", new CopySource().sourceBucket(BUCKET).sourceKey(KEY).requireAbsent(true), null, null);
        expect(copy.getSize() == 5, "copyObject", copy);
        Tags copied = tags.getObjectTags(BUCKET, "copy", null);
        expect(copied.getTags().equals(Map.of("team", "b")), "getObjectTags", copied);
    }

    private void multipart() throws ApiException, IOException {
        MultipartApi api = new MultipartApi(client);
        MultipartUpload up = api.createMultipartUpload(BUCKET, "big", null, null, null, null, null, null, null, new NewUpload().contentType("video/x-matroska"));
        Completion list = new Completion();
        for (String body : List.of("part".repeat(5 << 18), "the end")) {
            int number = list.getParts().size() + 1;
            Part part = api.uploadPart(BUCKET, up.getUploadId(), number, "big", file(body), null, null, null, null, null, null);
            expect(part.getSize() == body.length(), "uploadPart", part);
            list.addPartsItem(new CompletedPart().partNumber(number).etag(part.getEtag()));
        }
        ModelObject whole = api.completeMultipartUpload(BUCKET, up.getUploadId(), "big", list, null, null);
        expect(whole.getSize() == (5 << 20) + 7, "completeMultipartUpload", whole);
    }

    private void remove() throws ApiException {
        objects.deleteObject(BUCKET, "big", null);
        BatchDelete rest = new BatchDelete().addObjectsItem(new ObjectRef().key(KEY)).addObjectsItem(new ObjectRef().key("copy"));
        BatchDeleteResult done = objects.batchDeleteObjects(BUCKET, rest);
        expect(done.getResults().size() == 2, "batchDeleteObjects", done);
        new BucketsApi(client).deleteBucket(BUCKET);
    }

    private static File file(String content) throws IOException {
        File f = File.createTempFile("roundtrip", null);
        f.deleteOnExit();
        Files.write(f.toPath(), content.getBytes(StandardCharsets.UTF_8));
        return f;
    }

    private static void expect(boolean ok, String what, Object answer) {
        if (!ok) throw new IllegalStateException(what + ": " + answer);
    }
}
