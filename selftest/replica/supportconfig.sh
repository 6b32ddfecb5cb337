# The files of a supportconfig as supportutils 3.0 of 2014 writes them on a Xen host, about the replica in which this
# runs: the same files, blocks, commands and order, as far as anything of the replica would be in them.  Not
# supportconfig itself, but held against what that (supportutils 403fb9c) wrote in the replica: each verdict was the
# same, but for that of virsh, which it runs only where a program `checkproc` of SLES finds libvirtd.
# Each file begins with a byte 036 and its name.
exec 2>&1

file() { # begin the file $1; as with VAR_OPTION_HEADER_FILE, each says first what is collected here
  printf '\036%s\n' "$1"
  [ "$1" != basic-environment.txt ] || title
  printf '#==[ Note ]=========================================#\n# /REPLICA\n\n'
  cat /REPLICA
  echo
}

title() {
  printf '%77s\n' '' | tr ' ' '='
  printf '%21s%s\n' '' 'Support Utilities - Supportconfig' '' 'xenproof replica, written by selftest/replica'
  printf '%77s\n\n' '' | tr ' ' '='
}

command_block() { # the shell line $1, titled with the whole path of its first word
  printf '#==[ Command ]======================================#\n'
  word=${1%% *}
  path=$(command -v "$word")
  case $path in
  /*)
    printf '# %s%s\n' "$path" "${1#"$word"}"
    eval "$1" </dev/null
    ;;
  *) printf '# %s\nERROR: Command not found or not executible\n' "$1" ;;
  esac
  echo
}

verify() { # the package $1
  printf '#==[ Verification ]=================================#\n'
  if package=$(rpm -q "$1"); then
    printf '# rpm -V %s\n' "$package"
    if rpm -V "$package"; then echo '# Verification Status: Passed'; else echo '# Verification Status: Differences Found'; fi
  else
    printf '# RPM Not Installed: %s\n' "$1"
  fi
  echo
}

configuration() { # files, without comments and empty lines
  for f; do
    printf '#==[ Configuration File ]===========================#\n'
    if [ -f "$f" ]; then
      printf '# %s\n' "$f"
      sed -e '/^[[:space:]]*[#;]/d' -e '/^[[:space:]]*$/d' "$f"
      echo
    else
      printf '# %s - File not found\n' "$f"
    fi
    echo
  done
}

whole() { # the file $1 as it is
  printf '#==[ Configuration File ]===========================#\n# %s\n' "$1"
  cat "$1"
  printf '\n\n'
}

log() { # the last lines of files
  for f; do
    printf '#==[ Log File ]=====================================#\n'
    printf '# %s - Last 500 Lines\n' "$f"
    tail -n 500 "$f"
    printf '\n\n'
  done
}

service() {
  command_block "systemctl status $1"
  command_block "systemctl is-enabled $1"
}

file basic-health-check.txt
command_block 'df -PT /'
command_block 'ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd'

file rpm.txt
command_block 'rpm -qa --queryformat "%{DISTRIBUTION}\n" | sort | uniq'
printf '#==[ Command ]======================================#\n'
printf '# %s\n' 'rpm -qa --queryformat "%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\n" | sort -k 1,2 -t " " -i'
printf '%-35s %-35s %s\n' NAME DISTRIBUTION VERSION
rpm -qa --queryformat '%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\n' | sort -k 1,2 -t ' ' -i
echo

file basic-environment.txt
command_block 'date'
command_block 'uname -a'
configuration /etc/SuSE-release /etc/os-release

file modules.txt
command_block 'lsmod | sort'
configuration /etc/modprobe.d/*

file fs-diskio.txt
configuration /etc/fstab
command_block 'mount'
configuration /proc/mounts

file proc.txt
configuration /proc/cmdline /proc/filesystems /proc/modules /proc/mounts
configuration /proc/sys/kernel/osrelease /proc/sys/kernel/version /proc/net/tcp /proc/net/tcp6

file boot.txt
command_block 'uname -a'
verify kernel-xen
verify grub2
configuration /etc/default/grub /etc/default/grub_installdevice /boot/grub2/device.map
whole /boot/grub2/grub.cfg
configuration /proc/cmdline /etc/sysconfig/kernel /var/log/boot.log
command_block 'ls -lR --time-style=long-iso /boot/'
command_block 'journalctl --no-pager'
command_block 'dmesg'

file env.txt
configuration $(find -L /etc/default/ -type f)
configuration /etc/profile

file etc.txt
configuration $(find -L /etc/ -type f | grep 'conf$')
configuration /etc/logrotate.d/*

file sysconfig.txt
configuration $(find -L /etc/sysconfig/ -type f | sort -f)

file systemd.txt
verify systemd
command_block 'systemctl --no-pager --all list-units'
command_block 'systemctl --no-pager list-unit-files'
while read -r unit _; do command_block "systemctl show '$unit'"; done </run/replica/units

file network.txt
command_block 'ip addr'

file ssh.txt
verify openssh
command_block 'systemctl status sshd.service'
configuration /etc/ssh/sshd_config /etc/ssh/ssh_config /etc/pam.d/sshd

file xen.txt
verify xen
verify xen-tools
verify xen-libs
verify libvirt
command_block 'uname -r'
for name in xencommons xendomains xen-watchdog; do service "$name"; done
command_block 'grep ^NETWORKMANAGER /etc/sysconfig/network/config'
printf 'NOTE: NETWORKMANAGER should be set to "no" for Xen\n\n'
command_block 'lscpu'
configuration /etc/default/grub /etc/xen/xl.conf /etc/sysconfig/xendomains /etc/libvirt/libvirtd.conf
command_block '/usr/sbin/xl info'
command_block '/usr/sbin/xl list'
command_block 'virsh list'
command_block '/usr/sbin/xl vcpu-list'
command_block 'ls -alR /etc/xen/vm/'
command_block 'ls -alR /etc/xen/images/'
command_block '/usr/sbin/xl list -l'
command_block 'route -n'
command_block 'arp -v'
command_block 'brctl show'
log $(find -L /var/log/xen/ /var/log/libvirt/libxl/ -type f | grep 'log$' | sort)
command_block '/usr/sbin/xl dmesg'
