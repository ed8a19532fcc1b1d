package grafana

// Objects shows contents: bytes in and out, dedup, cache, uploads, documents, room.
func Objects() Dashboard {
	return Dashboard{
		UID: "sluice-objects", Title: "Objects and blobs",
		Description: "Contents and their documents: what moves, what it is worth to have seen bytes before, whether any are damaged, and how much room is left.",
		Vars:        []Var{instances("sluice_blob_written_bytes_total")},
		Rows:        []Row{objectsNow(), objectsMoves(), objectsUploads(), objectsDocuments(), objectsCleaning()},
	}
}

func objectsNow() Row {
	return Row{Title: "Now", Panels: []Panel{
		{
			Title: "Damaged in an hour", Kind: Stat, Unit: Count, Width: 6, Limits: zero(), Queries: one(orNone("sum(increase("+at("sluice_blob_damaged_total", "")+"[1h]))"), "chunks"),
			Description: "Chunks that were missing or altered when somebody read them. Must be nothing: see the runbook.",
		},
		{
			Title: "Saved by dedup", Kind: Stat, Unit: Share, Width: 6, Max: 1, Queries: one("sluice:blob_deduped:ratio_rate1h", "of an hour's bytes"),
			Description: "Share of the bytes written in the last hour that were there before.",
		},
		{
			Title: "Stored for a byte", Kind: Stat, Unit: Share, Width: 6, Queries: one("sluice:blob_stored:ratio_rate1h", "of an hour's new bytes"),
			Description: "What a new byte takes after compression and sealing; without the copies that a cluster keeps.",
		},
		{
			Title: "Found in memory", Kind: Stat, Unit: Share, Width: 6, Max: 1, Queries: one(share("sum(rate("+at("sluice_blob_cache_requests_total", `sluice_outcome="hit"`)+"[1h]))", "sum(rate("+at("sluice_blob_cache_requests_total", "")+"[1h]))"), "of an hour's reads"),
			Description: "Share of chunks and records that the segment cache had. A small one is no fault; a fall is why disks are busy.",
		},
	}}
}

func objectsMoves() Row {
	return Row{Title: "Bytes", Panels: []Panel{
		{
			Title: "Written and stored", Kind: Lines, Unit: BytesRate,
			Queries: []Query{
				{Expr: "sum(" + rate(at("sluice_blob_written_bytes_total", "")) + ")", Legend: "written"},
				{Expr: "sum(" + rate(at("sluice_blob_deduped_bytes_total", "")) + ")", Legend: "there before"},
				{Expr: "sum(" + rate(at("sluice_blob_stored_bytes_total", "")) + ")", Legend: "stored"},
			},
			Description: "Plain bytes that came in, those of them that were there before, and what went to the object stores.",
		},
		{
			Title: "Read", Kind: Lines, Unit: BytesRate, Queries: one(sum("service_name", rate(at("sluice_blob_read_bytes_total", ""))), "{{service_name}}"),
			Description: "Plain bytes read, by service.",
		},
		{
			Title: "Segments", Kind: Lines, Unit: PerSecond,
			Queries: []Query{
				{Expr: sum("sluice_outcome", rate(at("sluice_blob_segments_total", ""))), Legend: "{{sluice_outcome}}"},
				{Expr: "sum(" + rate(at("sluice_blob_retries_total", "")) + ")", Legend: "written once more"},
			},
			Description: "Segments written. Written once more: a store did not answer in time, or the collector condemned one meanwhile.",
		},
		{
			Title: "Cache", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("sluice_outcome", rate(at("sluice_blob_cache_requests_total", ""))), "{{sluice_outcome}}"),
			Description: "Chunks and records looked for in memory.",
		},
	}}
}

func objectsUploads() Row {
	ended := func(metric, what string) Query {
		return Query{Expr: sum("sluice_outcome", rate(at(metric, ""))), Legend: what + " {{sluice_outcome}}"}
	}
	return Row{Title: "Uploads", Panels: []Panel{
		{
			Title: "Uploads ended", Kind: Lines, Unit: PerSecond,
			Queries: []Query{
				ended("sluice_upload_ingests_ended_total", "at once"), ended("sluice_upload_multiparts_ended_total", "multipart"), ended("sluice_upload_sessions_ended_total", "session"),
			},
			Description: "Uploads by their end. Abandoned: the client never came back, and the sweep took what it had sent.",
		},
		{
			Title: "Uploads open", Kind: Lines, Unit: Count,
			Queries: []Query{
				{Expr: "max(" + at("sluice_upload_ingests_open", "") + ")", Legend: "at once"}, {Expr: "max(" + at("sluice_upload_multiparts_open", "") + ")", Legend: "multipart"},
				{Expr: "max(" + at("sluice_upload_sessions_open", "") + ")", Legend: "session"}, {Expr: "max(" + at("sluice_upload_plik_files_leased", "") + ")", Legend: "temporary files moving"},
				{Expr: "max(" + at("sluice_upload_fetches_open", "") + ")", Legend: "fetches"},
				{Expr: "sum(" + at("sluice_edge_fetches_active", "") + ")", Legend: "fetches under way"},
			},
			Description: "What is not finished, of all copies of the service.",
		},
		{
			Title: "Temporary files", Kind: Lines, Unit: PerSecond, Queries: []Query{ended("sluice_upload_plik_files_ended_total", "file"), {Expr: "sum(" + rate(at("sluice_upload_pliks_made_total", "")) + ")", Legend: "uploads made"}},
			Description: "Files of temporary uploads by what became of them.",
		},
		{
			Title: "Fetches of remote URLs", Kind: Lines, Unit: PerSecond, Queries: []Query{ended("sluice_upload_fetches_ended_total", "attempt"), ended("sluice_edge_fetches_total", "edge")},
			Description: "Attempts to fetch what users asked for, as upload counts them and as the edges that fetch do.",
		},
	}}
}

func objectsDocuments() Row {
	return Row{Title: "Documents", Panels: []Panel{
		{
			Title: "Operations", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true, Queries: one(sum("db_namespace, db_operation_name", rate(at("db_client_operation_duration_seconds_count", ""))), "{{db_namespace}} {{db_operation_name}}"),
			Description: "Operations on documents, by database.",
		},
		{
			Title: "Failed operations", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true, Queries: one(sum("db_namespace, error_type", rate(at("db_client_operation_duration_seconds_count", `error_type!=""`))), "{{db_namespace}} {{error_type}}"),
			Description: "By kind of fault. not_found and conflict are part of the work: a compare-and-set that lost is tried again.",
		},
		{
			Title: "Time of an operation", Kind: Lines, Unit: Seconds, Width: 8, Log: true,
			Queries:     []Query{{Expr: quantile(.99, "db_namespace, db_operation_name", at("db_client_operation_duration_seconds_bucket", "")), Legend: "{{db_namespace}} {{db_operation_name}}", Traced: true}},
			Description: "99 % took less, waiting for the commit included.",
		},
		{
			Title: "Commits", Kind: Lines, Unit: Seconds, Width: 12, Log: true, Limits: limits(.1, .5), Queries: one(quantile(.99, "db_namespace", at("sluice_docstore_commit_duration_seconds_bucket", "")), "{{db_namespace}}"),
			Description: "99 % of transactions took less, fsync included; only with SQLite. It rises with the disk's latency.",
		},
		{
			Title: "Writes in a commit", Kind: Lines, Unit: Count, Width: 12, Queries: one(quantile(.95, "db_namespace", at("sluice_docstore_batch_size_bucket", "")), "{{db_namespace}}"),
			Description: "Writes that shared one transaction; only with SQLite. Many at once while commits are slow: the disk is what holds things up.",
		},
	}}
}

func objectsCleaning() Row {
	return Row{Title: "Room and cleaning", Panels: []Panel{
		{
			Title: "Regions filled", Kind: Bars, Unit: Share, Max: 1, Limits: limits(.85, .95), Queries: one("sluice:region_filled:ratio", "{{sluice_region}}"),
			Description: "Bytes in the object stores of a region against their limit. Full means 507 for uploads.",
		},
		{
			Title: "Bytes of regions", Kind: Lines, Unit: Bytes, Queries: one(most("sluice_region", at("sluice_blob_store_bytes", "")), "{{sluice_region}}"),
			Description: "Bytes in the object stores of a region.",
		},
		{
			Title: "Collected", Kind: Lines, Unit: BytesRate, Queries: []Query{{Expr: "sum(" + rate(at("sluice_blob_freed_bytes_total", "")) + ")", Legend: "freed"}},
			Description: "Stored bytes that the collector removed.",
		},
		{
			Title: "Sweeps", Kind: Lines, Unit: PerSecond,
			Queries: []Query{
				{Expr: "sum(" + rate(at("sluice_object_sweep_repaired_total", "")) + ")", Legend: "documents gone on with"}, {Expr: "sum(" + rate(at("sluice_blob_condemned_total", "")) + ")", Legend: "segments condemned"},
				{Expr: "sum(" + rate(at("sluice_object_sweep_duration_seconds_count", `error_type!=""`)) + ")", Legend: "sweeps that left something"},
			},
			Description: "What sweeps found: things that were due, or what a crash left. Sweeps that leave something, again and again, are a fault.",
		},
	}}
}
