package promptmetrics

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/access"
)

// saltFile is where a salt is kept that nobody chose.
const saltFile = "api_key_salt"

// salt is the secret under which API keys are hashed: the given one, or the
// one in the data folder, which is made if there is none.
func (c *Client) salt(o Options) ([]byte, error) {
	if o.APIKeySalt != "" {
		return []byte(o.APIKeySalt), nil
	}
	path := filepath.Join(o.DataDir, saltFile)
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own folder.
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSalt(path); err != nil {
			return nil, fmt.Errorf("the API key salt cannot be kept: %w; make the data folder writable, or set Options.APIKeySalt (API_KEY_SALT)", err)
		}
		c.log.Debug("made a salt for API keys; keep it with your backups, keys are worthless without it", "file", path)
		text, err = os.ReadFile(path) //nolint:gosec // the operator's own folder.
	}
	if err != nil {
		return nil, fmt.Errorf("the API key salt cannot be read: %w", err)
	}
	salt := strings.TrimSpace(string(text))
	if err := access.CheckSalt(salt); err != nil {
		return nil, fmt.Errorf("the API key salt in %s is damaged: %w", path, err)
	}
	return []byte(salt), nil
}

// makeSalt writes a salt that appears whole or not at all. When two processes
// start at once, one salt wins and both use it.
func makeSalt(path string) error {
	random := make([]byte, 32)
	_, _ = rand.Read(random)                                      // never fails: it would end the program
	temp, err := os.CreateTemp(filepath.Dir(path), saltFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.WriteString(hex.EncodeToString(random) + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// redactionKey is the secret under which redacted values are hashed. It is
// derived from the salt, by HKDF (RFC 5869), so that processes that share keys
// share hashes too, and neither secret tells the other.
func redactionKey(salt []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, salt, nil, "promptmetrics compliance redaction", sha256.Size)
}
