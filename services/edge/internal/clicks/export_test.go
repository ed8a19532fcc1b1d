package clicks

// Hold has r keep n clicks at most.
func (r *Recorder) Hold(n int) { r.most = n }
