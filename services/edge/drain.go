package edge

import "net/http"

// parting ends each client's connection with its next answer once the process is
// to stop: whoever keeps connections open, as load balancers do, then makes the
// next one elsewhere and never meets one that is just being closed.
func parting(stopping <-chan struct{}, next http.Handler) http.Handler {
	if stopping == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-stopping:
			w.Header().Set("Connection", "close")
		default:
		}
		next.ServeHTTP(w, r)
	})
}
