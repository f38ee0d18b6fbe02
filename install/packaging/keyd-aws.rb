# The Homebrew formula. install/packaging/build fills in version, address and sums.
class KeydAws < Formula
  desc "Rotates the AWS access keys in ~/.aws/credentials without locking you out"
  homepage "@URL@"
  version "@VERSION@"
  license "Apache-2.0"

  conflicts_with "keyd", because: "both install a program keyd; that one remaps keyboards"

  on_macos do
    on_arm do
      url "@URL@/keyd_@VERSION@_darwin_arm64.tar.gz"
      sha256 "@darwin_arm64@"
    end
    on_intel do
      url "@URL@/keyd_@VERSION@_darwin_amd64.tar.gz"
      sha256 "@darwin_amd64@"
    end
  end
  on_linux do
    on_arm do
      url "@URL@/keyd_@VERSION@_linux_arm64.tar.gz"
      sha256 "@linux_arm64@"
    end
    on_intel do
      url "@URL@/keyd_@VERSION@_linux_amd64.tar.gz"
      sha256 "@linux_amd64@"
    end
  end

  def install
    bin.install "keyd"
    man1.install Dir["man/*.1.gz"]
    man5.install Dir["man/*.5.gz"]
    man7.install Dir["man/*.7.gz"]
    doc.install "LICENSES"
    bash_completion.install "completions/keyd.bash" => "keyd"
    zsh_completion.install "completions/_keyd"
    fish_completion.install "completions/keyd.fish"
  end

  # keyd install shows first what keyd would rotate, and asks, and passes on the variables
  # of the shell. brew services does neither; use one of the two.
  service do
    run [opt_bin/"keyd", "run"]
    keep_alive crashed: true
    log_path var/"log/keyd-aws.log"
    error_log_path var/"log/keyd-aws.log"
  end

  def caveats
    <<~EOS
      See what keyd would do, and start it at every login:
        keyd install
      Before brew uninstall, as each user who did that:
        keyd uninstall
    EOS
  end

  test do
    (testpath/".aws").mkpath
    (testpath/".aws/config").write "[profile sso]\nsso_start_url = https://example.awsapps.com/start\n"
    assert_match "IAM Identity Center", shell_output("#{bin}/keyd status")
  end
end
