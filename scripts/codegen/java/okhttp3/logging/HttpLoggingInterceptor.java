package okhttp3.logging;

/** Stands in for okhttp's logging-interceptor: the client's debug mode logs nothing. */
public final class HttpLoggingInterceptor implements okhttp3.Interceptor {
    public enum Level { NONE, BASIC, HEADERS, BODY }

    public HttpLoggingInterceptor setLevel(Level level) {
        return this;
    }

    @Override
    public okhttp3.Response intercept(Chain chain) throws java.io.IOException {
        return chain.proceed(chain.request());
    }
}
