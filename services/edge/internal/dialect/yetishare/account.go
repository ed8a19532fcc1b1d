package yetishare

import (
	"net/http"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// The levels of accounts, as YetiShare numbers and calls them.
const (
	levelFree  = "1"
	levelPaid  = "2"
	levelAdmin = "20"

	freePlan = "free"
)

// unlimited stands for no bound.
const unlimited = "0"

// wireAccount is the data of /account/info.
type wireAccount struct {
	ID                   string  `json:"id"`
	Username             string  `json:"username"`
	LevelID              string  `json:"level_id"`
	Email                string  `json:"email"`
	LastLoginDate        *string `json:"lastlogindate"`
	LastLoginIP          *string `json:"lastloginip"`
	Status               string  `json:"status"`
	Title                *string `json:"title"`
	FirstName            *string `json:"firstname"`
	LastName             *string `json:"lastname"`
	LanguageID           string  `json:"languageId"`
	DateCreated          *string `json:"datecreated"`
	LastPayment          *string `json:"lastPayment"`
	PaidExpiryDate       *string `json:"paidExpiryDate"`
	StorageLimitOverride *string `json:"storageLimitOverride"`
}

// AccountInfo answers /account/info.
func (h *Handler) AccountInfo(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r)
	if err != nil {
		return err
	}
	a, _, err := h.core.Account(r.Context(), q.by)
	if err != nil {
		return ofToken(err)
	}
	first, last := names(a.Name)
	out := wireAccount{
		ID: decimal(a.Number), Username: a.Username, LevelID: levelOf(a), Email: a.Email, LastLoginIP: textOrNull(a.LastLoginFrom), Status: fileActive,
		FirstName: textOrNull(first), LastName: textOrNull(last), LanguageID: "1", DateCreated: textOrNull(stamp(a.CreatedAt)),
	}
	if a.LastLogin != nil {
		out.LastLoginDate = textOrNull(stamp(*a.LastLogin))
	}
	return h.answer(w, envelope{Data: out})
}

// names tells a person's last name from those before it.
func names(whole string) (first, last string) {
	words := strings.Fields(whole)
	if len(words) < 2 {
		return strings.Join(words, " "), ""
	}
	return strings.Join(words[:len(words)-1], " "), words[len(words)-1]
}

func levelOf(a authv1.Account) string {
	switch {
	case a.Admin:
		return levelAdmin
	case a.Plan == freePlan:
		return levelFree
	}
	return levelPaid
}

// wirePackage is the data of /account/package; the last three are what clients look
// for beside (field-facts.md, 1).
type wirePackage struct {
	ID                         string `json:"id"`
	Label                      string `json:"label"`
	MaxUploadSize              string `json:"max_upload_size"`
	CanUpload                  string `json:"can_upload"`
	WaitBetweenDownloads       string `json:"wait_between_downloads"`
	DownloadSpeed              string `json:"download_speed"`
	MaxStorageBytes            string `json:"max_storage_bytes"`
	ShowSiteAdverts            string `json:"show_site_adverts"`
	ShowUpgradeScreen          string `json:"show_upgrade_screen"`
	DaysToKeepInactiveFiles    string `json:"days_to_keep_inactive_files"`
	ConcurrentUploads          string `json:"concurrent_uploads"`
	ConcurrentDownloads        string `json:"concurrent_downloads"`
	DownloadsPer24Hours        string `json:"downloads_per_24_hours"`
	MaxDownloadFilesizeAllowed string `json:"max_download_filesize_allowed"`
	MaxRemoteDownloadURLs      string `json:"max_remote_download_urls"`
	LevelType                  string `json:"level_type"`
	OnUpgradePage              string `json:"on_upgrade_page"`
	TotalStorageBytes          string `json:"total_storage_bytes"`
	StorageUsedBytes           string `json:"storage_used_bytes"`
	TotalStorageUsed           string `json:"total_storage_used"`
}

// AccountPackage answers /account/package: what a plan has no bound for is
// unlimited.
func (h *Handler) AccountPackage(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r)
	if err != nil {
		return err
	}
	a, used, err := h.core.Account(r.Context(), q.by)
	if err != nil {
		return ofToken(err)
	}
	out := wirePackage{
		ID: levelOf(a), Label: labelOf(a.Plan), MaxUploadSize: decimal(max(a.Limits.ObjectBytes, 0)), CanUpload: "1",
		WaitBetweenDownloads: "0", DownloadSpeed: unlimited, MaxStorageBytes: decimal(max(a.Limits.StorageBytes, 0)), ShowSiteAdverts: "0", ShowUpgradeScreen: "0",
		DaysToKeepInactiveFiles: unlimited, ConcurrentUploads: unlimited, ConcurrentDownloads: unlimited, DownloadsPer24Hours: unlimited,
		MaxDownloadFilesizeAllowed: unlimited, MaxRemoteDownloadURLs: decimal(int64(h.core.Hosting.FetchLimit)), LevelType: "paid user", OnUpgradePage: "0",
		StorageUsedBytes: decimal(used.Used), TotalStorageUsed: decimal(used.Used),
	}
	out.TotalStorageBytes = out.MaxStorageBytes
	if a.Plan == freePlan {
		out.LevelType = "free user"
	}
	return h.answer(w, envelope{Data: out})
}

// labelOf is what people call a plan.
func labelOf(plan string) string {
	if plan == "" {
		return ""
	}
	return strings.ToUpper(plan[:1]) + plan[1:] + " Account"
}
