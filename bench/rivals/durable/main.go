// The same job as a durable Go program: an intent on disk before each start, its outcome after it, result.json and CSV.
//
// durable URL ROWS.CSV
//
// One goroutine commits what all others hand over (synchronous=FULL), as the tool does. It has no rate limiter, no
// leases, no retries, no probes and no last look.
package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const (
	accountsInFlight = 3
	mostInOneCommit  = 256
)

type campaign struct{ account, stream, id string }

type record struct {
	Kind     string `json:"kind"`
	Campaign string `json:"campaign"`
	Detail   string `json:"detail"`
	At       int64  `json:"at"`
	done     chan error
}

type result struct {
	Account   string  `json:"account"`
	Stream    string  `json:"stream"`
	Campaign  string  `json:"campaign"`
	Outcome   string  `json:"outcome"`
	Status    int     `json:"http_status"`
	ElapsedMs float64 `json:"elapsed_ms"`
	Message   string  `json:"message"`
}

func main() {
	url, rows := os.Args[1], readRows(os.Args[2])
	journal := make(chan *record, 1024)
	written := make(chan struct{})
	go write(openLedger("durable.db"), journal, written)
	results := startAll(url, rows, journal)
	close(journal)
	<-written
	report(results)
}

func readRows(path string) []campaign {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	check(err)
	rows := make([]campaign, 0, len(lines))
	for _, line := range lines[1:] {
		rows = append(rows, campaign{line[0], line[1], line[2]})
	}
	return rows
}

func openLedger(path string) *sql.DB {
	db, err := sql.Open("sqlite3", path+"?_journal_mode=WAL&_synchronous=FULL")
	check(err)
	_, err = db.Exec("CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT, campaign TEXT, body TEXT)")
	check(err)
	return db
}

// write commits whatever waits, all of it in one transaction.
func write(db *sql.DB, journal <-chan *record, written chan<- struct{}) {
	defer close(written)
	for first := range journal {
		batch := []*record{first}
		for more := true; more && len(batch) < mostInOneCommit; {
			select {
			case next, open := <-journal:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		err := commit(db, batch)
		for _, one := range batch {
			one.done <- err
		}
	}
}

func commit(db *sql.DB, batch []*record) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.Prepare("INSERT INTO records (kind, campaign, body) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	for _, one := range batch {
		body, err := json.Marshal(one)
		if err != nil {
			return err
		}
		if _, err := insert.Exec(one.Kind, one.Campaign, string(body)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// startAll starts the campaigns of each account in turn, a few of an account at a time.
func startAll(url string, rows []campaign, journal chan<- *record) []result {
	lanes := map[string][]int{}
	for number, row := range rows {
		lanes[row.account] = append(lanes[row.account], number)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	results := make([]result, len(rows))
	var all sync.WaitGroup
	for _, numbers := range lanes {
		queue := make(chan int, len(numbers))
		for _, number := range numbers {
			queue <- number
		}
		close(queue)
		for n := 0; n < accountsInFlight; n++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for number := range queue {
					results[number] = start(client, url, rows[number], journal)
				}
			}()
		}
	}
	all.Wait()
	return results
}

func start(client *http.Client, url string, row campaign, journal chan<- *record) result {
	record := func(kind, detail string) {
		one := &record{kind, row.stream + "/" + row.id, detail, time.Now().UnixNano(), make(chan error, 1)}
		journal <- one
		check(<-one.done)
	}
	record("intent", "")
	path := "/campaign/api/v1/public/" + row.stream + "/campaign/" + row.id + "?campaignType=sms&trigger=play"
	request, err := http.NewRequest("POST", url+path, bytes.NewReader([]byte("{}")))
	check(err)
	request.Header = http.Header{
		"Auth": {token()}, "Iid": {row.stream}, "Accountid": {row.account}, "Content-Type": {"application/json"},
	}
	begun := time.Now()
	response, err := client.Do(request)
	made := result{Account: row.account, Stream: row.stream, Campaign: row.id, Outcome: "unknown"}
	if err != nil {
		made.Message = err.Error()
	} else {
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		var reply struct{ Status string }
		if err == nil && json.Unmarshal(body, &reply) == nil && reply.Status == "Active" {
			made.Outcome = "started"
		}
		made.Status, made.Message = response.StatusCode, string(body)
	}
	made.ElapsedMs = float64(time.Since(begun).Microseconds()) / 1000
	record(made.Outcome, made.Message)
	return made
}

// token signs a fresh one for each start, as the platform wants it.
func token() string {
	now, id := time.Now().Unix(), make([]byte, 16)
	_, err := rand.Read(id)
	check(err)
	name := os.Getenv("BENCH_ID")
	claims, err := json.Marshal(map[string]any{
		"appId": name, "iss": name, "sub": name, "iat": now, "exp": now + 300, "jti": hex.EncodeToString(id),
	})
	check(err)
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(os.Getenv("BENCH_SECRET")))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func report(results []result) {
	started := 0
	for _, one := range results {
		if one.Outcome == "started" {
			started++
		}
	}
	into("durable.json", func(out io.Writer) error {
		return json.NewEncoder(out).Encode(map[string]any{"started": started, "campaigns": results})
	})
	into("durable.csv", func(out io.Writer) error {
		lines := csv.NewWriter(out)
		for _, one := range results {
			elapsed := strconv.FormatFloat(one.ElapsedMs, 'f', 3, 64)
			err := lines.Write([]string{
				one.Account, one.Stream, one.Campaign, one.Outcome, strconv.Itoa(one.Status), elapsed, one.Message,
			})
			if err != nil {
				return err
			}
		}
		lines.Flush()
		return lines.Error()
	})
	fmt.Println(started, "started")
}

func into(path string, write func(io.Writer) error) {
	file, err := os.Create(path)
	check(err)
	out := bufio.NewWriter(file)
	check(write(out))
	check(out.Flush())
	check(file.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
