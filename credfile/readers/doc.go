// Package readers holds a model of each program that reads the AWS credentials and
// config files, as rules in code: which lines it takes for headers, settings, comments
// and continuations, what it trims, what makes it refuse the whole file, and how it
// joins both files.
//
// The readers disagree about every file that is not plain. Package credfile asks all
// of them before and after an edit, so that no program ever finds half of an old and
// half of a new key, and asks them which keys they find where keyd finds none. The
// models share no code with the lexer of credfile, which would share its mistakes. What
// the model of botocore finds also decides which settings of a profile count.
//
// # Sources
//
//   - Botocore, and so the AWS CLI: botocore/configloader.py and botocore/credentials.py
//     1.43, on Python's configparser.RawConfigParser (the same rules in Python 3.9 to 3.14).
//   - Go: aws-sdk-go-v2/config v1.33, internal/ini and shared_config.go.
//   - JavaScript: @smithy/shared-ini-file-loader 4.7, parseIni and getConfigData.
//   - Java: aws-sdk-java-v2, ProfileFileReader.
//   - Rust: smithy-rs aws-runtime, env_config/parse.rs and normalize.rs; the C and
//     C++ SDKs follow the same rules.
//
// reader.go has what they share, and All, the list of them. Each of botocore.go,
// golang.go, java.go, javascript.go and rust.go has one model, with its rules in words
// at the top.
//
// Not modelled: what a reader does with a setting apart from the pair and its session
// token, and files in another encoding than UTF-8 on a machine whose locale has one.
package readers
