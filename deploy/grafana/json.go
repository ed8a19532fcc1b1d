package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

const (
	columns    = 24
	statHeight = 4
	lineHeight = 8
	schema     = 41 // of Grafana's dashboards
)

// source is the variable for the Prometheus that a dashboard asks.
var source = object{"type": "prometheus", "uid": "${datasource}"}

// object is a JSON object.
type object = map[string]any

// JSON writes the dashboard as Grafana reads it.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d.object()); err != nil {
		return nil, fmt.Errorf("writing dashboard %s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}

func (d Dashboard) object() object {
	return object{
		"uid": d.UID, "title": "Sluice / " + d.Title, "description": d.Description, "tags": []string{"sluice"},
		"schemaVersion": schema, "version": 1, "editable": false, "graphTooltip": 1, "timezone": "browser", "refresh": "30s",
		"time":        object{"from": "now-3h", "to": "now"},
		"links":       []object{{"type": "dashboards", "tags": []string{"sluice"}, "title": "Sluice", "asDropdown": true, "includeVars": true, "keepTime": true}},
		"annotations": object{"list": annotations()},
		"templating":  object{"list": d.variables()},
		"panels":      d.panels(),
	}
}

// annotations mark on all pictures when an alert fired and when a process started.
func annotations() []object {
	mark := func(name, expr, title, colour string) object {
		return object{
			"name": name, "datasource": source, "enable": true, "expr": expr, "titleFormat": title, "iconColor": colour,
			"step": "60s", "useValueForTime": false,
		}
	}
	return []object{
		mark("Alerts that wake", `max by (alertname) (ALERTS{alertstate="firing",severity="page"})`, "{{alertname}}", "red"),
		mark("Starts of processes", `max by (instance) (changes(process_start_time_seconds{job="sluice"}[1m])) > 0`, "{{instance}} started", "blue"),
	}
}

func (d Dashboard) variables() []object {
	list := []object{{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": object{"text": "Prometheus", "value": "prometheus"}}}
	for _, v := range d.Vars {
		list = append(list, object{
			"name": v.Name, "label": v.Label, "type": "query", "datasource": source, "definition": v.Query,
			"query": object{"query": v.Query, "refId": v.Name}, "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*",
			"current": object{"text": []string{"All"}, "value": []string{"$__all"}},
		})
	}
	return list
}

// panels places the rows one under another, and each row's panels from left to
// right, in as many lines as they need. A folded row holds its panels itself.
func (d Dashboard) panels() []object {
	var out []object
	id, y := 0, 0
	next := func() int { id++; return id }
	for _, row := range d.Rows {
		head := object{"id": next(), "type": "row", "title": row.Title, "collapsed": row.Folded, "gridPos": grid(0, y, columns, 1), "panels": []object{}}
		y++
		x, height := 0, 0
		var inside []object
		for _, p := range row.Panels {
			w := p.Width
			if w == 0 {
				w = columns / len(row.Panels)
			}
			if x+w > columns {
				x, y, height = 0, y+height, 0
			}
			inside = append(inside, p.object(next(), grid(x, y, w, p.height())))
			x, height = x+w, max(height, p.height())
		}
		y += height
		if row.Folded {
			head["panels"] = inside
			out = append(out, head)
			continue
		}
		out = append(append(out, head), inside...)
	}
	return out
}

func grid(x, y, w, h int) object { return object{"x": x, "y": y, "w": w, "h": h} }

func (p Panel) height() int {
	if p.Kind == Stat {
		return statHeight
	}
	return lineHeight
}

func (p Panel) object(id int, at object) object {
	return object{
		"id": id, "type": p.Kind, "title": p.Title, "description": p.Description, "gridPos": at, "datasource": source,
		"targets": p.targets(), "options": p.options(), "transformations": p.transformations(),
		"fieldConfig": object{"defaults": p.defaults(), "overrides": []object{}},
	}
}

func (p Panel) targets() []object {
	var out []object
	for i, q := range p.Queries {
		t := object{"refId": string(rune('A' + i)), "datasource": source, "expr": q.Expr, "legendFormat": q.Legend, "editorMode": "code"}
		switch p.Kind {
		case Lines:
			t["range"], t["exemplar"] = true, q.Traced
		case Heat:
			t["range"], t["format"] = true, "heatmap"
		case Table:
			t["instant"], t["format"] = true, "table"
		case Stat, Bars:
			t["instant"] = true
		}
		out = append(out, t)
	}
	return out
}

func (p Panel) options() object {
	now := object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	switch p.Kind {
	case Stat:
		return object{"reduceOptions": now, "colorMode": "background", "graphMode": "none", "textMode": "value_and_name", "justifyMode": "auto"}
	case Bars:
		return object{"reduceOptions": now, "orientation": "horizontal", "displayMode": "basic", "showUnfilled": true}
	case Table:
		return object{"showHeader": true, "cellHeight": "sm"}
	case Heat:
		return object{"calculate": false, "yAxis": object{"unit": p.Unit}, "color": object{"scheme": "Blues", "mode": "scheme", "steps": 64}, "tooltip": object{"mode": "single"}}
	case Lines:
	}
	return object{
		"legend":  object{"displayMode": "table", "placement": "bottom", "calcs": []string{"lastNotNull", "max"}, "showLegend": true, "sortBy": "Max", "sortDesc": true},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
}

// transformations keep of a table what a reader needs.
func (p Panel) transformations() []object {
	if p.Kind != Table {
		return []object{}
	}
	return []object{{"id": "organize", "options": object{"excludeByName": object{"Time": true}, "renameByName": object{"Value": p.Title}}}}
}

func (p Panel) defaults() object {
	d := object{"unit": p.Unit, "thresholds": object{"mode": "absolute", "steps": p.steps()}, "color": object{"mode": p.colouring()}, "links": p.links()}
	if p.Unit != Since {
		d["min"] = 0
	}
	if p.Max > 0 {
		d["max"] = p.Max
	}
	if p.Kind == Lines {
		d["custom"] = p.drawing()
	}
	return d
}

func (p Panel) colouring() string {
	if p.Kind == Lines || p.Kind == Heat {
		return "palette-classic"
	}
	return "thresholds"
}

func (p Panel) steps() []object {
	first := Fine
	if p.Falling {
		first = Act
	}
	out := []object{{"value": nil, "color": first}}
	for _, l := range p.Limits {
		out = append(out, object{"value": l.From, "color": l.Colour})
	}
	return out
}

func (p Panel) drawing() object {
	d := object{"lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": false, "axisSoftMin": 0}
	if p.Stacked {
		d["stacking"], d["fillOpacity"] = object{"mode": "normal", "group": "A"}, 30
	}
	if p.Log {
		d["scaleDistribution"] = object{"type": "log", "log": 10}
	}
	if len(p.Limits) > 0 {
		d["thresholdsStyle"] = object{"mode": "dashed"}
	}
	return d
}

// links of a panel open the other dashboard at the time that is looked at.
func (p Panel) links() []object {
	if p.Link == nil {
		return []object{}
	}
	url := "/d/" + p.Link.UID + "?${__url_time_range}"
	if p.Link.Var != "" {
		url += "&var-" + p.Link.Var + "=${__field.labels." + p.Link.Label + "}"
	}
	return []object{{"title": p.Link.Title, "url": url}}
}
