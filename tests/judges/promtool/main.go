// Answers queries as a Prometheus server would that had scraped the given series. It reads one JSON document from its standard input and
// writes one to its standard output; promtool itself shows no results of queries over recorded series.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// What is asked.
type request struct {
	// Unix seconds of the first scrape, and seconds between two.
	Start    int64 `json:"start"`
	Interval int64 `json:"interval"`
	// Series with their values, in the notation of promtool's tests.
	Series []string `json:"series"`
	// Each is evaluated from `from` to `to`, in Unix seconds, at each interval.
	Queries []string `json:"queries"`
	From    int64    `json:"from"`
	To      int64    `json:"to"`
}

// One series of an answer. What is no number is left out.
type line struct {
	Labels map[string]string `json:"labels"`
	Points [][2]float64      `json:"points"`
}

func main() {
	if err := answer(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func answer() error {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("failed to read what is asked: %w", err)
	}
	folder, err := os.MkdirTemp("", "vobiz-ranges-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	logger := slog.New(slog.DiscardHandler)
	db, err := tsdb.Open(folder, logger, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return fmt.Errorf("failed to open a store: %w", err)
	}
	defer db.Close()
	parse := parser.NewParser(parser.Options{})
	if err := fill(db, parse, asked); err != nil {
		return err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: logger, MaxSamples: 50_000_000, Timeout: time.Minute, EnableAtModifier: true,
		LookbackDelta: 5 * time.Minute, Parser: parse,
	})
	defer engine.Close()
	answers := make([][]line, 0, len(asked.Queries))
	for _, query := range asked.Queries {
		lines, err := evaluate(engine, db, asked, query)
		if err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		answers = append(answers, lines)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func fill(db *tsdb.DB, parse parser.Parser, asked request) error {
	appender := db.Appender(context.Background())
	for _, described := range asked.Series {
		labels, values, err := parse.ParseSeriesDesc(described)
		if err != nil {
			return fmt.Errorf("%s: %w", described, err)
		}
		for at, value := range values {
			if value.Omitted {
				continue
			}
			milliseconds := (asked.Start + int64(at)*asked.Interval) * 1000
			if _, err := appender.Append(0, labels, milliseconds, value.Value); err != nil {
				return fmt.Errorf("%s: %w", described, err)
			}
		}
	}
	return appender.Commit()
}

func evaluate(engine *promql.Engine, db storage.Queryable, asked request, query string) ([]line, error) {
	from, to := time.Unix(asked.From, 0), time.Unix(asked.To, 0)
	step := time.Duration(asked.Interval) * time.Second
	prepared, err := engine.NewRangeQuery(context.Background(), db, nil, query, from, to, step)
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	matrix, err := prepared.Exec(context.Background()).Matrix()
	if err != nil {
		return nil, err
	}
	lines := make([]line, 0, len(matrix))
	for _, series := range matrix {
		points := make([][2]float64, 0, len(series.Floats))
		for _, point := range series.Floats {
			if !math.IsNaN(point.F) && !math.IsInf(point.F, 0) {
				points = append(points, [2]float64{float64(point.T) / 1000, point.F})
			}
		}
		lines = append(lines, line{series.Metric.Map(), points})
	}
	return lines, nil
}
