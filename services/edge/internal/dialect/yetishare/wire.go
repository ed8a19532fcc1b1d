package yetishare

import (
	"mime"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// typeUnknown is of a file that says nothing of its type.
const typeUnknown = "application/octet-stream"

// The states of a file.
const (
	fileActive = "active"
	fileTrash  = "trash"
)

// wireFile is a file, in the document's order; behind url_file stands what its
// clients look for beside (field-facts.md, 1).
type wireFile struct {
	ID          string  `json:"id"`
	Filename    string  `json:"filename"`
	ShortURL    string  `json:"shortUrl"`
	FileType    string  `json:"fileType"`
	Extension   string  `json:"extension"`
	FileSize    string  `json:"fileSize"`
	Status      string  `json:"status"`
	Downloads   string  `json:"downloads"`
	FolderID    *string `json:"folderId"`
	Keywords    *string `json:"keywords"`
	URLFile     string  `json:"url_file"`
	FileStatus  string  `json:"file_status"`
	Description *string `json:"description"`
	DateAdded   string  `json:"date_added"`
}

func fileToWire(base string, n objectv1.DriveNode) wireFile {
	f := wireFile{
		ID: decimal(n.Number), Filename: nameOf(n), ShortURL: n.Short, Status: fileActive, FolderID: idOrNull(n.ParentNumber),
		Keywords: textOrNull(n.Keywords), URLFile: base + "/" + n.Short, FileStatus: fileActive, Description: textOrNull(n.Description), DateAdded: stamp(n.CreatedAt),
	}
	f.Extension = extensionOf(f.Filename)
	if n.Keywords == "" {
		f.Keywords = textOrNull(keywordsOf(f.Filename))
	}
	if o := n.Object; o != nil {
		f.FileType, f.FileSize = bareType(o.Metadata.ContentType), decimal(o.Size)
		if o.File != nil {
			f.Downloads = decimal(o.File.Downloads)
		}
	}
	if n.Trashed != nil {
		f.Status, f.FileStatus = fileTrash, fileTrash
	}
	return f
}

// wireFolder is a folder in a listing, in the document's order.
type wireFolder struct {
	ID        string  `json:"id"`
	ParentID  *string `json:"parentId"`
	Name      string  `json:"folderName"`
	TotalSize string  `json:"totalSize"`
	IsPublic  string  `json:"isPublic"`
	wireFolderRest
}

// wireFolderRest is what stands behind accessPassword, where there is one.
type wireFolderRest struct {
	DateAdded   string  `json:"date_added"`
	DateUpdated *string `json:"date_updated"`
	URLFolder   string  `json:"url_folder"`
	Downloads   int64   `json:"total_downloads"`
	Folders     int64   `json:"child_folder_count"`
	Files       int64   `json:"file_count"`
}

// wireOwnFolder is a folder alone.
type wireOwnFolder struct {
	ID             string  `json:"id"`
	ParentID       *string `json:"parentId"`
	Name           string  `json:"folderName"`
	TotalSize      string  `json:"totalSize"`
	IsPublic       string  `json:"isPublic"`
	AccessPassword *string `json:"accessPassword"`
	wireFolderRest
}

func folderToWire(base string, n objectv1.DriveNode) wireFolder {
	return wireFolder{
		ID: decimal(n.Number), ParentID: idOrNull(n.ParentNumber), Name: nameOf(n), TotalSize: decimal(n.Tally.Bytes), IsPublic: decimal(int64(n.Sharing.Visibility)),
		wireFolderRest: wireFolderRest{
			DateAdded: stamp(n.CreatedAt), DateUpdated: changedOrNull(n), URLFolder: folderURL(base, n),
			Downloads: n.Tally.Downloads, Folders: n.Tally.Folders, Files: n.Tally.Files,
		},
	}
}

// ownFolderToWire shows a folder with its password as the request gave it or, where
// it gave none, with what stands for the one that is set.
func ownFolderToWire(base string, n objectv1.DriveNode, given string) wireOwnFolder {
	f := folderToWire(base, n)
	if given == "" {
		given = core.ShownPassword(n.Sharing)
	}
	return wireOwnFolder{
		ID: f.ID, ParentID: f.ParentID, Name: f.Name, TotalSize: f.TotalSize, IsPublic: f.IsPublic,
		AccessPassword: textOrNull(given), wireFolderRest: f.wireFolderRest,
	}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

// textOrNull gives null for nothing.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// idOrNull gives null for the root.
func idOrNull(number int64) *string {
	if number == 0 {
		return nil
	}
	return textOrNull(decimal(number))
}

func changedOrNull(n objectv1.DriveNode) *string {
	if !n.UpdatedAt.After(n.CreatedAt) {
		return nil
	}
	return textOrNull(stamp(n.UpdatedAt))
}

// nameOf is what a node is called, or was before it came into the trash.
func nameOf(n objectv1.DriveNode) string {
	if n.Trashed != nil {
		return n.Trashed.Name
	}
	return n.Name
}

func extensionOf(name string) string { return strings.TrimPrefix(path.Ext(name), ".") }

// keywordsOf are the words of a file's name: what nobody described is found by them.
func keywordsOf(name string) string {
	words := strings.FieldsFunc(name, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	return strings.Join(words, ",")
}

// bareType is a media type without parameters.
func bareType(text string) string {
	if kind, _, err := mime.ParseMediaType(text); err == nil {
		return kind
	}
	return typeUnknown
}

// folderURL is the page of a folder. Only its number counts there.
func folderURL(base string, n objectv1.DriveNode) string {
	return base + "/folder/" + decimal(n.Number) + "/" + url.PathEscape(strings.ReplaceAll(nameOf(n), " ", "_"))
}
