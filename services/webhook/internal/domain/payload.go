package domain

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// ContentType of a delivery's body.
const ContentType = "application/cloudevents+json; charset=utf-8"

// Happening is an event as webhook hears of it.
type Happening struct {
	ID      string
	Type    string
	Source  string
	Subject string
	Time    time.Time
	Object  objectv1.ObjectEvent
}

// The body: a CloudEvent in structured mode around records as S3 writes them.
type (
	cloudEvent struct {
		SpecVersion     string  `json:"specversion"`
		ID              string  `json:"id"`
		Source          string  `json:"source"`
		Type            string  `json:"type"`
		Subject         string  `json:"subject,omitempty"`
		Time            string  `json:"time"`
		DataContentType string  `json:"datacontenttype"`
		Data            s3Event `json:"data"`
	}
	s3Event struct {
		EventName string   `json:"EventName"`
		Key       string   `json:"Key"`
		Records   []record `json:"Records"`
	}
	record struct {
		EventVersion      string            `json:"eventVersion"`
		EventSource       string            `json:"eventSource"`
		AWSRegion         string            `json:"awsRegion"`
		EventTime         string            `json:"eventTime"`
		EventName         string            `json:"eventName"`
		UserIdentity      identity          `json:"userIdentity"`
		RequestParameters map[string]string `json:"requestParameters"`
		ResponseElements  map[string]string `json:"responseElements"`
		S3                s3Entity          `json:"s3"`
	}
	identity struct {
		PrincipalID string `json:"principalId"`
	}
	s3Entity struct {
		SchemaVersion   string   `json:"s3SchemaVersion"`
		ConfigurationID string   `json:"configurationId"`
		Bucket          s3Bucket `json:"bucket"`
		Object          s3Object `json:"object"`
	}
	s3Bucket struct {
		Name          string   `json:"name"`
		OwnerIdentity identity `json:"ownerIdentity"`
		ARN           string   `json:"arn"`
	}
	s3Object struct {
		Key         string `json:"key"` // URL-encoded, "/" excepted
		Size        int64  `json:"size,omitempty"`
		ETag        string `json:"eTag,omitempty"` // without quotes
		ContentType string `json:"contentType,omitempty"`
		VersionID   string `json:"versionId,omitempty"`
		Sequencer   string `json:"sequencer"` // compare as strings of equal length
	}
)

// timeLayout is S3's: milliseconds, always three digits.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Body encodes a happening for one config. The same happening always gives the
// same bytes.
func Body(h Happening, configID string) ([]byte, error) {
	o := h.Object
	name := eventName(h.Type, o)
	at := h.Time.UTC()
	ev := cloudEvent{
		SpecVersion: "1.0", ID: h.ID, Source: h.Source, Type: h.Type, Subject: h.Subject,
		Time: at.Format(time.RFC3339Nano), DataContentType: "application/json",
		Data: s3Event{EventName: name, Key: o.Bucket + "/" + o.Key, Records: []record{{
			EventVersion: "2.1", EventSource: "sluice:s3", AWSRegion: o.Region, EventTime: at.Format(timeLayout), EventName: name,
			UserIdentity:      identity{PrincipalID: o.Username},
			RequestParameters: present("sourceIPAddress", o.Origin.SourceIP, "accessKeyId", o.KeyID),
			ResponseElements:  present("x-amz-request-id", o.Origin.RequestID),
			S3: s3Entity{
				SchemaVersion: "1.0", ConfigurationID: configID,
				Bucket: s3Bucket{Name: o.Bucket, OwnerIdentity: identity{PrincipalID: o.Username}, ARN: "arn:aws:s3:::" + o.Bucket},
				Object: s3Object{
					Key: encodeKey(o.Key), Size: o.Size, ETag: strings.Trim(o.ETag, `"`), ContentType: o.ContentType,
					VersionID: o.VersionID, Sequencer: fmt.Sprintf("%016X", o.Sequencer),
				},
			},
		}}},
	}
	b, err := json.Marshal(ev)
	if err != nil {
		return nil, fmt.Errorf("encoding the body of event %s: %w", h.ID, err)
	}
	return b, nil
}

// eventName gives S3's name of what happened.
func eventName(eventType string, o objectv1.ObjectEvent) string {
	if eventType == objectv1.ObjectRemoved.Type {
		return "s3:ObjectRemoved:" + o.Operation
	}
	return "s3:ObjectCreated:" + o.Operation
}

// encodeKey is S3's encoding of keys in events: that of forms, slashes kept.
func encodeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// present makes a map of the pairs whose value is there.
func present(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return m
}
