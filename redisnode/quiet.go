package redisnode

import "github.com/redis/go-redis/v9/logging"

// Quiet keeps go-redis from writing lines of its own to standard error whenever
// Redis cannot be reached. It holds for the whole process, so it is for programs
// to call, before Open; a node tells its own logger what there is to tell.
func Quiet() { logging.Disable() }
